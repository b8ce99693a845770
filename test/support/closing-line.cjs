/** Mocha's spec reporter, and a last line that says in plain words how the run ended: "N passed, N failed". */
const Mocha = require("mocha");

module.exports = class ClosingLine extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once("end", () => {
      const { passes, failures, pending } = this.stats;
      console.log(`${passes} passed, ${failures} failed${pending > 0 ? `, ${pending} skipped` : ""}`);
    });
  }
};
