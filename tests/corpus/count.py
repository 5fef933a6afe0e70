#!/usr/bin/env python3
"""Counts calls, results and tokens in raw session files, knowing nothing of the program it checks.

    count.py claude-code|codex FILE...

prints one JSON object per file. It is slow and simple on purpose: every record is parsed whole.
"""

import json
import sys

BUCKETS = ("input", "cache_read", "cache_write", "output", "reasoning")


def records(path):
    """The JSON values of a file, line by line, and how many lines hold something else."""
    values, bad = [], 0
    decoder = json.JSONDecoder()
    with open(path, encoding="utf-8", errors="replace", newline="\n") as source:
        for line in source:
            rest = line.lstrip("\ufeff").strip(" \t\r\n")
            while rest:
                try:
                    value, used = decoder.raw_decode(rest)
                except (ValueError, RecursionError):
                    bad += 1
                    break
                values.append(value)
                rest = rest[used:].lstrip(" \t\r\n")
    return values, bad


def mapping(value):
    return value if isinstance(value, dict) else {}


def listing(value):
    return value if isinstance(value, list) else []


def number(value):
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return None


def name(value):
    """An id: a string that is not blank."""
    return value if isinstance(value, str) and value.strip() else None


class Tally:
    """Distinct calls and results, and token sums in which an unknown bucket stays unknown."""

    def __init__(self):
        self.calls, self.results = set(), set()
        self.tokens = dict.fromkeys(BUCKETS)

    def add(self, buckets):
        for bucket, count in buckets.items():
            if count is not None:
                self.tokens[bucket] = (self.tokens[bucket] or 0) + count

    def report(self, path, count, bad):
        tokens = dict(self.tokens)
        known = [tokens[bucket] for bucket in BUCKETS if tokens[bucket] is not None]
        tokens["total"] = sum(known) if tokens["input"] is not None or tokens["output"] is not None else None
        return {
            "path": path,
            "records": count,
            "bad": bad,
            "calls": len(self.calls),
            "results": len(self.results),
            "pairs": len(self.calls & self.results),
            "calls_without_result": len(self.calls - self.results),
            "results_without_call": len(self.results - self.calls),
            "tokens": tokens,
        }


def claude(values):
    """One answer is spread over several records; the usage on the last of them is the answer's."""
    tally, usage = Tally(), {}
    for place, value in enumerate(values):
        record = mapping(value)
        kind, message = record.get("type"), mapping(record.get("message"))
        if kind not in ("user", "assistant"):
            continue
        blocks = [mapping(block) for block in listing(message.get("content"))]
        results = [block for block in blocks if str(block.get("type", "")).endswith("tool_result")]
        for count, block in enumerate(results):
            result = name(block.get("tool_use_id"))
            if result is None and block is blocks[0]:
                result = name(record.get("sourceToolUseID"))
            if result:
                tally.results.add(result)
        if kind != "assistant":
            continue
        for block in blocks:
            if str(block.get("type", "")).endswith("tool_use") and name(block.get("id")):
                tally.calls.add(block["id"])
        if isinstance(message.get("usage"), dict):
            answer = name(message.get("id")) or name(record.get("requestId")) or name(record.get("uuid")) or place
            usage[answer] = message["usage"]
    for reported in usage.values():
        split = mapping(reported.get("cache_creation"))
        parts = [number(split.get(f"ephemeral_{span}_input_tokens")) for span in ("5m", "1h")]
        parts = [part for part in parts if part is not None]
        written = number(reported.get("cache_creation_input_tokens"))
        tally.add(
            {
                "input": number(reported.get("input_tokens")),
                "cache_read": number(reported.get("cache_read_input_tokens")),
                "cache_write": written if written is not None else (sum(parts) if parts else None),
                "output": number(reported.get("output_tokens")),
            }
        )
    return tally


CALLS = ("function_call", "custom_tool_call", "local_shell_call", "tool_search_call")
OUTPUTS = ("function_call_output", "custom_tool_call_output", "local_shell_call_output", "tool_search_output")
TOTALS = ("input_tokens", "cached_input_tokens", "cache_write_input_tokens", "output_tokens", "reasoning_output_tokens")


def exclusive(counts):
    """Codex counts cached input inside input, and reasoning inside output."""
    read = number(counts.get("input_tokens"))
    cached = number(counts.get("cached_input_tokens"))
    written = number(counts.get("cache_write_input_tokens"))
    output = number(counts.get("output_tokens"))
    reasoning = number(counts.get("reasoning_output_tokens"))
    return {
        "input": None if read is None else read - (cached or 0) - (written or 0),
        "cache_read": cached,
        "cache_write": written,
        "output": None if output is None else output - (reasoning or 0),
        "reasoning": reasoning,
    }


def codex(values):
    """The running total grows over a segment; the segments' last totals add up to the session's."""
    tally = Tally()
    totals, flat, turns = [], [], []
    for value in values:
        record = mapping(value)
        item = mapping(record.get("payload")) or record
        kind = item.get("type")
        if kind in CALLS and name(item.get("call_id")):
            tally.calls.add(item["call_id"])
        if kind in OUTPUTS and name(item.get("call_id")):
            tally.results.add(item["call_id"])
        if kind == "turn.completed" and isinstance(item.get("usage"), dict):
            turns.append(item["usage"])
        if kind != "token_count":
            continue
        information = mapping(item.get("info"))
        if isinstance(information.get("total_token_usage"), dict):
            totals.append(information["total_token_usage"])
        elif isinstance(information.get("last_token_usage"), dict):
            flat.append(information["last_token_usage"])
        elif "prompt" in information:
            flat.append({"input_tokens": information.get("prompt"), "output_tokens": information.get("completion")})
        elif number(item.get("output_tokens")):
            # Without output it is a placeholder, written when the call starts.
            flat.append(item)
    last_of_segments = []
    for place, total in enumerate(totals):
        following = totals[place + 1] if place + 1 < len(totals) else None
        drops = following is not None and any(
            (number(following.get(field)) or 0) < (number(total.get(field)) or 0) for field in TOTALS + ("total_tokens",)
        )
        if following is None or drops:
            last_of_segments.append(total)
    counted = last_of_segments + flat
    for counts in counted or turns:
        tally.add(exclusive(counts))
    return tally


def main():
    count = {"claude-code": claude, "codex": codex}.get(sys.argv[1] if len(sys.argv) > 1 else "")
    if count is None:
        sys.exit("usage: count.py claude-code|codex FILE...")
    for path in sys.argv[2:]:
        values, bad = records(path)
        print(json.dumps(count(values).report(path, len(values), bad)))


if __name__ == "__main__":
    main()
