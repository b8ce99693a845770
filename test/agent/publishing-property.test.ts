/** Whatever happens to a few units, in whatever order: none is stopped while it is published, and in the end the store is true. */
import { expect } from "chai";
import fc from "fast-check";
import { eventually } from "../support/eventually.ts";
import { MemoryEtcd } from "../support/memory-etcd.ts";
import { PublishingMachine, systemdUnit } from "./publishing-machine.ts";

const ports = [8080, 8081, 8082] as const;
const unitOf = (port: number) => `web@${port}.service`;
const keyOf = (port: number) => `/deis/services/shop/web@${port}`;
const addressOf = (port: number) => `10.0.0.1:${port}`;

type Act = (typeof acts)[number];
const acts = [
  "start",
  "stop",
  "restart",
  "leave",
  "crash",
  "delete",
  "restart-agent",
  "mute",
  "answer",
  "settle",
] as const;

describe("publishing, whatever happens", function () {
  this.timeout(120_000);

  it("stops no unit that is published, and ends with what runs and answers", async () => {
    const steps = fc.array(fc.tuple(fc.constantFrom(...acts), fc.constantFrom(...ports)), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        const etcd = new MemoryEtcd();
        const host = new PublishingMachine(etcd.client());
        const offences: string[] = [];
        host.systemd.hook = (step, unit) => {
          const port = ports.find((each) => unitOf(each) === unit) ?? 0;
          if ((step === "stop" || step === "unload") && etcd.dump().has(keyOf(port)))
            offences.push(`${step} ${unit}`);
        };
        try {
          await host.publish();
          const wanted = new Map<number, { target: "launched" | "loaded"; generation: number }>();
          for (const port of ports) host.answers.set(addressOf(port), undefined);
          for (const [act, port] of sequence) await perform(act, port, host, etcd, wanted);
          for (const port of ports) host.answers.set(addressOf(port), undefined);
          // A restart makes certain what a crash at some moment left: the unit runs if it is to.
          for (const [port, wish] of wanted) {
            wish.generation += 1;
            host.place(unitOf(port), systemdUnit(port), { ...wish });
          }
          await eventually(
            () => {
              const stored = new Map([...etcd.dump()].filter(([key]) => key.startsWith("/deis/services/")));
              const launched = ports.filter((port) => wanted.get(port)?.target === "launched");
              expect(stored).to.deep.equal(new Map(launched.map((port) => [keyOf(port), addressOf(port)])));
              for (const port of launched) expect(host.state(unitOf(port))?.published?.routed).to.equal(true);
            },
            { within: 10_000 },
          );
          expect(offences).to.deep.equal([]);
        } finally {
          await host.stop();
          await host.client.close();
        }
      }),
      { numRuns: 25 },
    );
  });
});

async function perform(
  act: Act,
  port: number,
  host: PublishingMachine,
  etcd: MemoryEtcd,
  wanted: Map<number, { target: "launched" | "loaded"; generation: number }>,
): Promise<void> {
  const unit = unitOf(port);
  const wish = wanted.get(port) ?? { target: "launched" as const, generation: 0 };
  const want = (change: Partial<typeof wish>) => {
    wanted.set(port, { ...wish, ...change });
    host.place(unit, systemdUnit(port), { ...wish, ...change });
  };
  switch (act) {
    case "start":
      return want({ target: "launched" });
    case "stop":
      return want({ target: "loaded" });
    case "restart":
      return want({ target: "launched", generation: wish.generation + 1 });
    case "leave":
      wanted.delete(port);
      return host.withdraw(unit);
    case "crash":
      return host.systemd.kill(unit);
    case "delete":
      return etcd.delete(keyOf(port));
    case "mute":
      host.answers.set(addressOf(port), "GET /ok gave 500");
      return;
    case "answer":
      host.answers.set(addressOf(port), undefined);
      return;
    case "restart-agent":
      await host.stop();
      return host.publish();
    case "settle":
      // Until it is published, if it is going to be.
      await eventually(() => etcd.dump().has(keyOf(port)), { within: 150 }).catch(() => undefined);
      return;
    default:
      return act satisfies never;
  }
}
