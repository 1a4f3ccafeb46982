#!/usr/bin/env node
// The `millrace` command.
import { readCliConfig } from "./config.ts";
import { runProgram } from "./program.ts";
import { createTerminal } from "./terminal.ts";

const config = readCliConfig();
process.exit(await runProgram(process.argv, config, createTerminal(config.colors)));
