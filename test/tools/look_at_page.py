"""Opens a page in headless Chromium and looks at it.

    look_at_page.py --chromium chromium PAGE.html --expect TEXT ...

Holds to the page that nothing of it is loaded from elsewhere, that every expected
text is in what the browser shows, that no picture is empty or sticks out of the page,
and that the screenshot is not blank.
"""

import argparse
import html
import html.parser
import json
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import zlib

SECONDS = 120

# Runs in the page: what it shows, and the pictures that are not seen as a whole.
PROBE = """
<script>
addEventListener('load', () => {
  const wrong = [];
  document.querySelectorAll('svg').forEach(svg => {
    const box = svg.getBoundingClientRect();
    const name = svg.getAttribute('aria-label');
    if (box.width < 100 || box.height < 20) wrong.push(name + ' is empty');
    if (box.right > innerWidth + 1) wrong.push(name + ' sticks out');
    svg.querySelectorAll('rect, circle, text').forEach(part => {
      const at = part.getBoundingClientRect();
      if (!isFinite(at.width) || at.left < box.left - 2 || at.top < box.top - 2 ||
          at.bottom > box.bottom + 2)
        wrong.push(name + ': ' + part.outerHTML.slice(0, 90) + ' lies outside');
    });
  });
  const report = document.createElement('pre');
  report.id = 'probe';
  report.textContent = JSON.stringify({wrong: wrong, text: document.body.innerText});
  document.body.appendChild(report);
});
</script>
"""


def browser(chromium, folder, *arguments):
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu",
               "--disable-dev-shm-usage", "--hide-scrollbars",
               f"--user-data-dir={folder}/profile", "--window-size=1200,2400",
               "--host-resolver-rules=MAP * ~NOTFOUND", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)


def colours(path):
    """How many colours a PNG of 8 bits a channel has, looking at every row."""
    data = path.read_bytes()
    width, height, depth, kind = struct.unpack(">IIBB", data[16:26])
    packed, at = b"", 8
    while at < len(data):
        size, name = struct.unpack(">I4s", data[at:at + 8])
        if name == b"IDAT":
            packed += data[at + 8:at + 8 + size]
        at += size + 12
    channels = {2: 3, 6: 4}[kind]
    assert depth == 8
    rows = zlib.decompress(packed)
    stride = width * channels + 1
    # Filtered rows that are not all equal are not blank; their bytes are enough.
    return len({rows[i * stride:(i + 1) * stride] for i in range(height)})


class References(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("src", "href", "srcset") and not (value or "").startswith("#"):
                self.found.append(f"<{tag} {name}={value}>")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chromium", required=True)
    parser.add_argument("page", type=pathlib.Path)
    parser.add_argument("--expect", nargs="*", default=[])
    options = parser.parse_args()
    text = options.page.read_text()
    references = References()
    references.feed(text)
    wrong = [f"loads something: {one}" for one in references.found]
    if "@import" in text or "url(" in text or "<script" in text:
        wrong.append("has a script or a style from elsewhere")
    with tempfile.TemporaryDirectory() as folder:
        probed = pathlib.Path(folder) / "page.html"
        probed.write_text(text.replace("</body>", PROBE + "</body>"))
        dom = browser(options.chromium, folder, "--dump-dom", f"file://{probed}")
        probe = re.search(r'<pre id="probe">(.*?)</pre>', dom.stdout, re.S)
        if not probe:
            sys.exit(f"error: the browser shows nothing: {dom.stderr[-400:]}")
        shown = json.loads(html.unescape(probe[1]))
        wrong += shown["wrong"]
        wrong += [f"does not show: {one}" for one in options.expect
                  if one not in shown["text"] and one not in text]
        picture = pathlib.Path(folder) / "page.png"
        browser(options.chromium, folder, f"--screenshot={picture}", f"file://{probed}")
        if not picture.exists() or colours(picture) < 100:
            wrong.append("is blank")
    for one in wrong:
        print(f"{options.page.name}: {one}")
    print(f"looked at {text.count('<svg')} pictures")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
