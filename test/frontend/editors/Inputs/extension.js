// Runs the extension with an editor that is none: what it starts, and that it
// stops it. Arguments: the extension's file, the server.

const Module = require("module");
const { spawnSync } = require("child_process");
const assert = require("assert");
const [file, server] = process.argv.slice(2);

let options, started = 0, stopped = 0, shown = [], broken = false;
const editor = {
  workspace: {
    getConfiguration: (section) => ({
      get: (key, fallback) => (section + "." + key === "einfall.server.path" ? server : fallback),
    }),
  },
  window: { showErrorMessage: (text) => shown.push(text) },
};
class LanguageClient {
  constructor(...args) { options = args; }
  async start() { if (broken) throw new Error("no such file"); ++started; }
  isRunning() { return started > stopped; }
  async stop() { ++stopped; }
}
const load = Module._load;
Module._load = (name, ...rest) =>
  name === "vscode" ? editor
  : name === "vscode-languageclient/node" ? { LanguageClient, TransportKind: { stdio: 0 } }
  : load(name, ...rest);

(async () => {
  const extension = require(file);
  await extension.activate();
  assert.strictEqual(started, 1);
  assert.deepStrictEqual(options[3], { documentSelector: [{ language: "ein" }] });
  assert.deepStrictEqual(options[2], { command: server, transport: 0 });
  // The client adds --stdio for this transport; the server takes it.
  const run = spawnSync(options[2].command, ["--stdio"], { input: "" });
  assert.strictEqual(run.status, 1, run.stderr);
  await extension.deactivate();
  assert.strictEqual(stopped, 1);
  broken = true;
  await extension.activate();
  assert.match(shown[0], /cannot start .*einfall\.server\.path/);
})().catch((error) => { console.error(error); process.exit(1); });
