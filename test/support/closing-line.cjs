/**
 * Mocha's spec reporter, a word about each test that needed a second try and why, and a last line that says in plain words how the
 * run ended: "N passed, N failed".
 */
const Mocha = require("mocha");

module.exports = class ClosingLine extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const retried = [];
    runner.on("retry", (test, error) => {
      retried.push(test.fullTitle());
      console.log(`    tried again: ${test.title}: ${error.stack ?? error.message}`);
    });
    runner.once("end", () => {
      for (const title of retried) console.log(`needed a second try: ${title}`);
      const { passes, failures, pending } = this.stats;
      console.log(`${passes} passed, ${failures} failed${pending > 0 ? `, ${pending} skipped` : ""}`);
    });
  }
};
