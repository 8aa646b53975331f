// Prints what the official parser finds in an AsyncAPI document, one JSON object a line. Severity 0 is an error, 1 a warning.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const { diagnostics } = await new Parser().parse(readFileSync(process.argv[2], "utf8"));
for (const { severity, code, path, message } of diagnostics) {
  console.log(JSON.stringify({ severity, code, path: path.join("."), message }));
}
