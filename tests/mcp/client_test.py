"""The agents' door, as the official Python client meets it.

    python client_test.py [URL] [TOKEN]

URL and TOKEN may come from POCKETAI_MCP_URL and POCKETAI_MCP_TOKEN instead. The agent needs the
scopes memory and notes, each with read+search+write+delete, on an unlocked device. With POCKETAI_MCP_COMMAND set to a
command line such as `pocketctl mcp`, the stdio bridge is tried too, with this environment.
Prints a line for each check and ends with a count; exit code 1 when one failed.
"""

import asyncio
import os
import shlex
import sys
import uuid

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

TOOLS = {
    "add", "cloud_ask", "consent_status", "contacts", "delete", "edit", "forget", "get", "list", "recall",
    "remember", "search", "status", "tasks",
}
MOST_RESULT = 8 * 1024

passed, failed = 0, 0


def check(name, holds, seen=""):
    """Counts one check and prints it."""
    global passed, failed
    if holds:
        passed += 1
        print(f"ok      {name}", flush=True)
    else:
        failed += 1
        print(f"FAILED  {name}: {seen}", flush=True)


def words(result):
    """The text of a result."""
    return " ".join(block.text for block in result.content if block.type == "text")


async def use(label, client):
    """What an agent does, on one connection."""
    about = client.server_info
    check(f"{label}: connects", about is not None and about.name == "pocketai", about)
    version = client.protocol_version
    era = version >= "2026-07-28" if label.endswith("auto") else version < "2026-07-28"
    check(f"{label}: speaks {version}", era, version)
    tools = (await client.list_tools()).tools
    check(f"{label}: lists its tools", {tool.name for tool in tools} == TOOLS, [tool.name for tool in tools])
    honest = {tool.name: tool.annotations.destructive_hint for tool in tools}
    destroy = {name for name, hint in honest.items() if hint}
    check(f"{label}: says which tools destroy", destroy == {"delete", "edit", "forget"}, honest)

    status = (await client.call_tool("status", {})).structured_content
    check(f"{label}: is unlocked", status["state"] == "unlocked", status)
    marker = f"walnut{uuid.uuid4().hex[:12]}"
    fact = {"text": f"Anna must not eat {marker}", "subject": "Anna", "tags": ["health"], "confidence": 90}
    added = await client.call_tool("remember", {"facts": [fact]})
    one = added.structured_content["results"][0]
    check(f"{label}: remembers", not added.is_error and one["outcome"] == "added", words(added))
    again = (await client.call_tool("remember", {"facts": [fact]})).structured_content["results"][0]
    check(f"{label}: keeps a fact once", again == {"id": one["id"], "outcome": "already-here"}, again)
    record = {"category": "memory", "id": one["id"]}
    found = await client.call_tool("recall", {"query": f"eat {marker}"})
    facts = found.structured_content["records"]
    check(f"{label}: recalls", [fact["id"] for fact in facts[:1]] == [record["id"]], facts)
    newer = {"text": f"Anna may eat {marker}", "subject": "Anna", "supersedes": one["id"]}
    newer = (await client.call_tool("remember", {"facts": [newer]})).structured_content["results"][0]
    found = await client.call_tool("recall", {"query": marker})
    held = [fact["id"] for fact in found.structured_content["records"]]
    check(f"{label}: a newer fact takes its place", held == [newer["id"]], held)
    shown = await client.call_tool("get", record)
    check(f"{label}: gets", shown.structured_content["fields"]["subject"] == "Anna", words(shown))
    listed = await client.call_tool("list", {"category": "memory", "limit": 100})
    check(f"{label}: keeps results under 8 kB", len(words(listed).encode()) <= MOST_RESULT, len(words(listed)))
    deleted = await client.call_tool("forget", {"ids": [one["id"], newer["id"]]})
    outcomes = [result["outcome"] for result in deleted.structured_content["results"]]
    check(f"{label}: forgets", outcomes == ["deleted", "deleted"], words(deleted))
    gone = await client.call_tool("get", record)
    check(f"{label}: no longer finds it", gone.is_error, words(gone))
    note = {"category": "notes", "records": [{"title": "Attach me", "body": "as a resource"}]}
    note = (await client.call_tool("add", note)).structured_content["results"][0]["id"]
    read = (await client.read_resource(f"pocket://notes/{note}")).contents[0]
    check(f"{label}: reads a resource", read.text == "# Attach me\n\nas a resource", read)
    listed = {str(resource.uri) for resource in (await client.list_resources()).resources}
    check(f"{label}: lists resources", f"pocket://notes/{note}" in listed, listed)
    prompts = [prompt.name for prompt in (await client.list_prompts()).prompts]
    check(f"{label}: has prompts", prompts == ["brief_me", "what_do_you_know", "plan"], prompts)
    await client.call_tool("delete", {"category": "notes", "ids": [note]})
    refused = await client.call_tool("list", {"category": "settings"})
    check(f"{label}: is refused in words", refused.is_error and "\u2014" in words(refused), words(refused))


async def over_http(url, token, mode):
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(headers=headers, timeout=30, trust_env=False) as http:
        async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
            await use(f"http {mode}", client)


async def over_stdio(command, mode):
    program, *arguments = shlex.split(command)
    server = StdioServerParameters(command=program, args=arguments, env=dict(os.environ))
    async with Client(server, mode=mode) as client:
        await use(f"stdio {mode}", client)


async def without_a_token(url):
    async with httpx2.AsyncClient(timeout=30, trust_env=False) as http:
        for name, headers in [("no token", {}), ("a wrong token", {"Authorization": "Bearer pai_wrong"})]:
            answer = await http.post(url, json={"jsonrpc": "2.0", "id": 1, "method": "ping"}, headers=headers)
            check(f"{name} is refused", answer.status_code == 401, answer.status_code)


async def attempt(name, check_run):
    """Runs a group of checks; one that dies counts as a failed check, not as none."""
    try:
        await check_run
    except Exception as error:  # what a client raises is part of what is tested
        check(f"{name} runs to its end", False, repr(error))


async def main():
    url = sys.argv[1] if len(sys.argv) > 1 else os.environ["POCKETAI_MCP_URL"]
    token = sys.argv[2] if len(sys.argv) > 2 else os.environ["POCKETAI_MCP_TOKEN"]
    command = os.environ.get("POCKETAI_MCP_COMMAND")
    await attempt("refusing", without_a_token(url))
    for mode in ("legacy", "auto"):
        await attempt(f"http {mode}", over_http(url, token, mode))
        if command:
            await attempt(f"stdio {mode}", over_stdio(command, mode))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
