"""Adds up what the test runners found and prints `N passed, N failed`.

    summary.py RESULTS

RESULTS is a folder with gtest/*.json (one for each GoogleTest program),
ctest.xml, lit.xml and snippets.xml (JUnit). A program that ctest calls failed
counts as one failure if it left no report (it crashed). A report that is
missing altogether is a failure, so a runner that did not start cannot pass.
Exit status: 0 if something passed and nothing failed, else 1.
"""

import glob
import json
import os
import sys
import xml.etree.ElementTree as ElementTree


def gtest(folder):
    """Returns {program: (passed, failed, skipped)}."""
    counts = {}
    for path in glob.glob(os.path.join(folder, "gtest", "*.json")):
        with open(path, encoding="utf-8") as file:
            report = json.load(file)
        passed = failed = skipped = 0
        for suite in report["testsuites"]:
            for case in suite["testsuite"]:
                if case.get("failures"):
                    failed += 1
                elif case.get("result") == "COMPLETED":
                    passed += 1
                else:
                    skipped += 1
        name = os.path.splitext(os.path.basename(path))[0]
        counts[name] = (passed, failed, skipped)
    return counts


def junit(path):
    """Returns ({case: "passed" | "failed" | "skipped"})."""
    verdicts = {}
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname', '')}/{case.get('name')}"
        if case.find("failure") is not None or case.find("error") is not None:
            verdicts[name] = "failed"
        elif case.find("skipped") is not None:
            verdicts[name] = "skipped"
        elif case.get("status") in ("fail", "notrun", "disabled"):
            verdicts[name] = "failed" if case.get("status") == "fail" else "skipped"
        else:
            verdicts[name] = "passed"
    return verdicts


def main(folder):
    total = {"passed": 0, "failed": 0, "skipped": 0}
    programs = gtest(folder)
    for passed, failed, skipped in programs.values():
        total["passed"] += passed
        total["failed"] += failed
        total["skipped"] += skipped
    for runner in ("ctest", "lit", "snippets"):
        path = os.path.join(folder, runner + ".xml")
        if not os.path.exists(path):
            print(f"{runner}: left no report", file=sys.stderr)
            total["failed"] += 1
            continue
        for name, verdict in junit(path).items():
            program = name.rsplit("/", 1)[-1]
            if runner == "ctest" and program in programs:
                # Its cases are counted; it may still have failed on the way
                # out, after a report without failures.
                if verdict == "failed" and not programs[program][1]:
                    total["failed"] += 1
                    print(f"{runner}: {name} failed", file=sys.stderr)
                continue
            total[verdict] += 1
            if verdict == "failed":
                print(f"{runner}: {name} failed", file=sys.stderr)
    line = f"{total['passed']} passed, {total['failed']} failed"
    if total["skipped"]:
        line += f", {total['skipped']} skipped"
    print(line)
    return 0 if total["passed"] and not total["failed"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
