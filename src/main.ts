/** The process: the command line, with a regular expression engine that cannot be made to run for ever. */
import { setFlagsFromString } from "node:v8";

// Patterns come from models and from callers (log filters). One that backtracks too long goes on in V8's linear engine.
setFlagsFromString("--enable-experimental-regexp-engine-on-excessive-backtracks");

// Imported afterwards, so that no pattern is compiled before.
const { main } = await import("./cli/run.ts");
await main(process.argv);
