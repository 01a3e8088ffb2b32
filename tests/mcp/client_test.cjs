// The agents' door, as the official TypeScript clients meet it: the one of 2025-11-25, and the one of
// both eras; over HTTP and, with POCKETAI_MCP_COMMAND, over the stdio bridge.
//
//     NODE_PATH=… node client_test.cjs
//
// POCKETAI_MCP_URL and POCKETAI_MCP_TOKEN say where; the agent needs every verb on memory, notes, tasks
// and contacts, on an unlocked device. Prints a line for each check and ends with a count, and with what
// the tool list costs in tokens; exit code 1 when a check failed.

const { getEncoding } = require("js-tiktoken");
const first = {
  Client: require("@modelcontextprotocol/sdk/client/index.js").Client,
  Http: require("@modelcontextprotocol/sdk/client/streamableHttp.js").StreamableHTTPClientTransport,
  Stdio: require("@modelcontextprotocol/sdk/client/stdio.js").StdioClientTransport,
};
const second = {
  Client: require("@modelcontextprotocol/client").Client,
  Http: require("@modelcontextprotocol/client").StreamableHTTPClientTransport,
  Stdio: require("@modelcontextprotocol/client/stdio").StdioClientTransport,
};

const MOST_TOKENS = 3000;
const MOST_RESULT = 8 * 1024;
const TOOLS = [
  "recall", "remember", "forget", "search", "tasks", "contacts", "list", "get", "add", "edit", "delete",
  "cloud_ask", "consent_status", "status",
];
const url = process.env.POCKETAI_MCP_URL;
const token = process.env.POCKETAI_MCP_TOKEN;
const command = process.env.POCKETAI_MCP_COMMAND;

let passed = 0;
let failed = 0;

function check(name, holds, seen) {
  if (holds) {
    passed += 1;
    console.log(`ok      ${name}`);
  } else {
    failed += 1;
    console.log(`FAILED  ${name}: ${JSON.stringify(seen)}`);
  }
}

/// Calls a tool; its structured result, which the client has held against the output schema.
async function call(client, name, args) {
  const result = await client.callTool({ name, arguments: args });
  const text = result.content[0].text;
  if (result.isError) throw new Error(`${name}: ${text}`);
  if (Buffer.byteLength(text) > MOST_RESULT) throw new Error(`${name}: ${text.length} bytes`);
  return result.structuredContent;
}

async function refusal(client, name, args) {
  const result = await client.callTool({ name, arguments: args });
  return result.isError ? result.content[0].text : "";
}

async function facts(label, client) {
  const marker = `walnut${process.pid}${Date.now()}${Math.floor(Math.random() * 1e6)}`;
  const fact = { text: `Anna must not eat ${marker}`, subject: "Anna", tags: ["health"], confidence: 90 };
  const [old] = (await call(client, "remember", { facts: [fact] })).results;
  check(`${label}: remembers`, old.outcome === "added", old);
  const [again] = (await call(client, "remember", { facts: [fact] })).results;
  check(`${label}: keeps a fact once`, again.outcome === "already-here" && again.id === old.id, again);
  const newer = { text: `Anna may eat ${marker} again`, subject: "Anna", supersedes: old.id };
  const [young] = (await call(client, "remember", { facts: [newer] })).results;
  const now = (await call(client, "recall", { query: marker })).records.map((one) => one.id);
  check(`${label}: recalls what holds`, now.length === 1 && now[0] === young.id, now);
  const ever = (await call(client, "recall", { query: marker, history: true })).records;
  check(`${label}: keeps history`, ever.length === 2 && ever.every((one) => one.untrusted), ever);
  const gone = await call(client, "forget", { ids: [old.id, young.id] });
  check(`${label}: forgets`, gone.results.every((one) => one.outcome === "deleted"), gone);
}

async function records(label, client) {
  const list = `list${Date.now()}${Math.floor(Math.random() * 1e6)}`;
  const tasks = [{ title: "Buy milk", list, due: "2030-01-02" }, { title: "Pay rent", list, due: "2030-01-01" }];
  const added = await call(client, "add", { category: "tasks", records: tasks });
  const ids = added.results.map((one) => one.id);
  const due = (await call(client, "tasks", { list })).records.map((one) => one.fields.title);
  check(`${label}: tasks come by their day`, due.join() === "Pay rent,Buy milk", due);
  await call(client, "edit", { category: "tasks", id: ids[0], fields: { done: true }, revision: 1 });
  const read = await call(client, "get", { category: "tasks", id: ids[0] });
  check(`${label}: edits and reads`, read.fields.done && read.revision === 2, read);
  const stale = await refusal(client, "edit", { category: "tasks", id: ids[0], fields: {}, revision: 1 });
  check(`${label}: refuses a stale edit`, stale.includes("\u2014"), stale);
  const found = await call(client, "search", { query: "rent", category: "tasks" });
  check(`${label}: searches`, found.hits.some((hit) => hit.id === ids[1]), found);
  const listed = await call(client, "list", { category: "tasks", limit: 1 });
  check(`${label}: lists in pages`, listed.records.length === 1 && listed.next, listed);
  await call(client, "delete", { category: "tasks", ids });

  const person = { name: `Zora ${list}`, emails: [{ label: "home", value: "zora@example.org" }] };
  const [contact] = (await call(client, "add", { category: "contacts", records: [person] })).results;
  const people = (await call(client, "contacts", { query: list })).records;
  check(`${label}: looks people up`, people[0]?.fields.emails[0].value === "zora@example.org", people);
  await call(client, "delete", { category: "contacts", ids: [contact.id] });
}

async function resources(label, client) {
  const note = { title: "Attach me", body: "read as a resource" };
  const [added] = (await call(client, "add", { category: "notes", records: [note] })).results;
  const uri = `pocket://notes/${added.id}`;
  const listed = (await client.listResources()).resources.map((one) => one.uri);
  check(`${label}: lists notes as resources`, listed.includes(uri), listed);
  const [read] = (await client.readResource({ uri })).contents;
  check(`${label}: reads a resource`, read.text.includes("read as a resource") && read._meta["pocketai/untrusted"], read);
  const templates = (await client.listResourceTemplates()).resourceTemplates;
  check(`${label}: has templates`, templates.length === 2, templates);
  const prompts = (await client.listPrompts()).prompts;
  check(`${label}: has prompts`, prompts.length === 3, prompts);
  const filled = await client.getPrompt({ name: "what_do_you_know", arguments: { subject: "Anna" } });
  check(`${label}: fills a prompt in`, filled.messages[0].content.text.includes("Anna"), filled);
  const template = { type: "ref/resource", uri: "pocket://{category}/{id}" };
  const completed = await client.complete({ ref: template, argument: { name: "category", value: "no" } });
  check(`${label}: completes`, completed.completion.values.join() === "notes", completed);
  await call(client, "delete", { category: "notes", ids: [added.id] });
}

async function use(label, client) {
  const { tools } = await client.listTools();
  check(`${label}: has its tools`, tools.map((tool) => tool.name).join() === TOOLS.join(), tools.map((tool) => tool.name));
  const version = client.getServerVersion();
  check(`${label}: has a title and an icon`, version.title === "PocketAI" && version.icons.length === 1, version);
  const status = await call(client, "status", {});
  check(`${label}: is unlocked`, status.state === "unlocked", status);
  await facts(label, client);
  await records(label, client);
  await resources(label, client);
  const cloud = await refusal(client, "cloud_ask", { text: "hello" });
  check(`${label}: the cloud is refused in words`, cloud.includes("OFFLINE_ONLY") && cloud.includes("\u2014"), cloud);
  const waiting = await call(client, "consent_status", {});
  check(`${label}: nothing waits for consent`, waiting.waiting.length === 0, waiting);
  const settings = await refusal(client, "list", { category: "settings" });
  check(`${label}: is refused in words`, settings.includes("\u2014"), settings);
  return tools;
}

function http(kind) {
  const headers = { Authorization: `Bearer ${token}` };
  return new kind.Http(new URL(url), { requestInit: { headers } });
}

function stdio(kind) {
  const [program, ...args] = command.split(" ");
  return new kind.Stdio({ command: program, args, env: process.env, stderr: "inherit" });
}

async function main() {
  let tools;
  const info = { name: "test", version: "1" };
  const clients = [
    ["v1", () => new first.Client(info), first],
    ["v2 2025-11-25", () => new second.Client(info), second],
    ["v2 2026-07-28", () => new second.Client(info, { versionNegotiation: { mode: { pin: "2026-07-28" } } }), second],
  ];
  const ways = command ? [["http", http], ["stdio", stdio]] : [["http", http]];
  for (const [name, make, kind] of clients) {
    for (const [way, transport] of ways) {
      const label = `${name} ${way}`;
      const client = make();
      try {
        await client.connect(transport(kind));
        tools = await use(label, client);
      } catch (error) {
        check(`${label} runs to its end`, false, String(error?.stack ?? error));
      } finally {
        await client.close();
      }
    }
  }
  const tokens = getEncoding("o200k_base").encode(JSON.stringify(tools)).length;
  check(`the tool list costs ${tokens} tokens, of ${MOST_TOKENS} at most`, tokens <= MOST_TOKENS, tokens);
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed ? 1 : 0);
}

main();
