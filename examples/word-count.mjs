// Counts the words of every copyright file under /usr/share/doc with handler jobs, and checks the sum against counting here.
//
//   npx millrace dev --handlers examples/handlers        in one terminal
//   node examples/word-count.mjs                         in another
import { readFileSync, readdirSync, existsSync } from "node:fs";
import { millrace } from "./lib/api.mjs";

const FILES_PER_JOB = 20;
const files = readdirSync("/usr/share/doc")
  .map((name) => `/usr/share/doc/${name}/copyright`)
  .filter((file) => existsSync(file));

const specs = [];
for (let from = 0; from < files.length; from += FILES_PER_JOB)
  specs.push({
    handler: "word-count",
    input: { files: files.slice(from, from + FILES_PER_JOB) },
    labels: { example: "word-count" },
  });

const api = millrace();
const ids = await api.submitAll(specs);
const jobs = await Promise.all(ids.map((id) => api.finished(id)));

const counted = new Map();
for (const job of jobs) {
  if (job.state !== "succeeded") throw new Error(`job ${job.id} is ${job.state}: ${job.reason}`);
  for (const [word, count] of Object.entries(job.result))
    counted.set(word, (counted.get(word) ?? 0) + count);
}

const expected = new Map();
for (const file of files)
  for (const word of readFileSync(file, "utf8")
    .toLowerCase()
    .match(/[a-z]{4,}/g) ?? [])
    expected.set(word, (expected.get(word) ?? 0) + 1);

const same =
  counted.size === expected.size &&
  [...expected].every(([word, count]) => counted.get(word) === count);
const top = [...counted].toSorted((a, b) => b[1] - a[1]).slice(0, 5);
console.log(`${files.length} files, ${jobs.length} jobs, ${counted.size} different words`);
console.log(`most frequent: ${top.map(([word, count]) => `${word} ${count}`).join(", ")}`);
console.log(same ? "equal to counting here" : "DIFFERENT from counting here");
process.exitCode = same ? 0 : 1;
