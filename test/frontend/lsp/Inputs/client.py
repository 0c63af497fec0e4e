"""A client of the language server: messages by hand, answers checked."""

import json
import subprocess
import threading

SECONDS = 60


class Client:
    def __init__(self, server="einfall-lsp"):
        self.process = subprocess.Popen([server, "--stdio"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        self.last_id = 0
        self.notes = []  # notifications not yet asked for
        self.timer = threading.Timer(SECONDS, self.process.kill)
        self.timer.daemon = True
        self.timer.start()

    def send_bytes(self, body):
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def send(self, message):
        self.send_bytes(json.dumps({"jsonrpc": "2.0", **message}).encode())

    def receive(self):
        length = None
        while True:
            line = self.process.stdout.readline()
            assert line, f"the server ended with {self.process.wait()}"
            if line == b"\r\n":
                break
            name, value = line.split(b":")
            if name == b"Content-Length":
                length = int(value)
        return json.loads(self.process.stdout.read(length))

    def request(self, method, params=None):
        """The whole answer: with `result` or `error`."""
        self.last_id += 1
        self.send({"id": self.last_id, "method": method, "params": params})
        while True:
            message = self.receive()
            if "method" in message:
                self.notes.append(message)
                continue
            assert message["id"] == self.last_id, message
            return message

    def ask(self, method, params=None):
        answer = self.request(method, params)
        assert "error" not in answer, answer
        return answer["result"]

    def notify(self, method, params=None):
        self.send({"method": method, "params": params})

    def diagnostics(self, uri):
        """What the server publishes next for a text."""
        while not self.notes:
            self.notes.append(self.receive())
        note = self.notes.pop(0)
        assert note["method"] == "textDocument/publishDiagnostics", note
        assert note["params"]["uri"] == uri, note
        return note["params"]["diagnostics"]

    def open(self, uri, text):
        self.notify("textDocument/didOpen", {"textDocument": {
            "uri": uri, "languageId": "ein", "version": 1, "text": text}})
        return self.diagnostics(uri)

    def change(self, uri, text, version=2):
        self.notify("textDocument/didChange", {
            "textDocument": {"uri": uri, "version": version},
            "contentChanges": [{"text": text}]})
        return self.diagnostics(uri)

    def at(self, method, uri, line, character):
        return self.ask("textDocument/" + method, {
            "textDocument": {"uri": uri},
            "position": {"line": line, "character": character}})

    def hover(self, uri, line, character):
        answer = self.at("hover", uri, line, character)
        return answer["contents"]["value"] if answer else None

    def fixes(self, uri, line, begin, end):
        return self.ask("textDocument/codeAction", {
            "textDocument": {"uri": uri}, "context": {"diagnostics": []},
            "range": {"start": {"line": line, "character": begin},
                      "end": {"line": line, "character": end}}})

    def start(self):
        return self.ask("initialize", {"processId": None, "rootUri": None,
                                       "capabilities": {}})

    def exit_code(self):
        code = self.process.wait()
        self.timer.cancel()
        return code

    def stop(self):
        assert self.ask("shutdown") is None
        self.notify("exit")
        return self.exit_code()


def place(line, begin, end, last=None):
    return {"start": {"line": line, "character": begin},
            "end": {"line": line if last is None else last, "character": end}}


def apply(text, edits):
    """The text after the edits of the protocol (columns in UTF-16)."""
    lines = text.split("\n")

    def offset(position):
        units = lines[position["line"]].encode("utf-16-le")
        column = len(units[:2 * position["character"]].decode("utf-16-le"))
        return sum(len(line) + 1 for line in lines[:position["line"]]) + column

    edits = [(offset(e["range"]["start"]), offset(e["range"]["end"]), e["newText"])
             for e in edits]
    for begin, end, new in sorted(edits, reverse=True):
        text = text[:begin] + new + text[end:]
    return text
