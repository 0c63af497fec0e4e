// Starts the language server for Ein and stops it with the editor.

const vscode = require("vscode");
const { LanguageClient, TransportKind } = require("vscode-languageclient/node");

let client;

async function activate() {
  const command = vscode.workspace
    .getConfiguration("einfall")
    .get("server.path", "einfall-lsp");
  client = new LanguageClient(
    "einfall",
    "Einfall",
    { command, transport: TransportKind.stdio },
    { documentSelector: [{ language: "ein" }] }
  );
  try {
    await client.start();
  } catch (error) {
    vscode.window.showErrorMessage(
      `cannot start ${command}: ${error.message}; set einfall.server.path`
    );
  }
}

function deactivate() {
  return client && client.isRunning() ? client.stop() : undefined;
}

module.exports = { activate, deactivate };
