#!/usr/bin/python3
"""Reads a failure report from standard input as Python's mail library sees it (test_failure_mail.c).

Prints "field: value" of message/feedback-report, "header field: value" of the third part and
"mail field: value" of the mail, unfolded. Exit 1 and a line when it is no report.
"""
import email
import email.policy
import sys

mail = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)


def require(condition, what):
    if not condition:
        sys.exit(f"broken: {what}")


def show(prefix, message):
    require(not message.defects, f"{prefix}{message.defects}")
    for name, value in message.items():
        require(not value.defects or name in ("Received", "DKIM-Signature"),
                f"{prefix}{name}: {value.defects}")
        print(f"{prefix}{name}: {value}")


require(mail.get_content_type() == "multipart/report", "not multipart/report")
require(mail.get_param("report-type") == "feedback-report", "report-type")
parts = list(mail.iter_parts())
require([part.get_content_type() for part in parts] ==
        ["text/plain", "message/feedback-report", "text/rfc822-headers"], "parts")
show("mail ", mail)
for part in parts:
    require(not part.defects, f"part: {part.defects}")
require("RFC 9991" in parts[0].get_content(), "text")
feedback = parts[1].get_payload()
feedback = feedback[0] if isinstance(feedback, list) else email.message_from_string(
    feedback, policy=email.policy.default)
show("", feedback)
fields = parts[2].get_payload(decode=True)
show("header ", email.message_from_bytes(fields, policy=email.policy.default))
