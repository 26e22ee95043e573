// Prints the closing line of a run from vitest's JSON report.

const { readFileSync } = require('node:fs');

const report = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const { numPassedTests, numFailedTests, numPendingTests } = report;
// Where a file cannot be read, or what comes before its tests fails, no test has failed: all of them are skipped.
const failedFiles = report.testResults.filter(
  ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((each) => each.status === 'failed'),
);
if (numPendingTests > 0) console.log(`${numPendingTests} skipped`);
for (const { name } of failedFiles) console.log(`failed before its tests: ${name}`);
console.log(`${numPassedTests} passed, ${numFailedTests + failedFiles.length} failed`);
