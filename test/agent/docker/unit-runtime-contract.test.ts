import type { RuntimeUnit } from "../../../agent/runtime.ts";
import { type Behaviour, type RuntimeUnderTest, unitRuntimeContract } from "../../contract/unit-runtime.ts";
import { useHost } from "../../support/host.ts";
import { containerUnit, Engine, untilStopped } from "./engine.ts";

describe("The Docker runtime on a real engine", () => {
  const the = useHost({ images: "foundation" });
  unitRuntimeContract("The Docker runtime", async () => underTest(await Engine.of(the.host)), {
    startsAtOnce: true,
  });
});

function underTest(engine: Engine): RuntimeUnderTest {
  return {
    create: () => engine.runtime(),
    unit,
    kill: (name) => engine.kill(name),
    processes: (name) => engine.processes(name),
    disconnect: async () => engine.cut(),
    dispose: () => engine.dispose(),
  };
}

const containers: Readonly<Record<Exclude<Behaviour, "starts-slowly">, string>> = {
  runs: untilStopped,
  ends: "Exec=true",
  fails: 'Exec=sh -c "exit 3"',
  missing: "Image=nobody/has-this:1\nPull=never",
  "stops-slowly": `Exec=sh -c "trap 'sleep 1; exit 0' TERM; sleep 1000 & wait"`,
};

function unit(name: string, behaviour: Behaviour, edition = 1): RuntimeUnit {
  if (behaviour === "starts-slowly") throw new Error("a container's start is never slow");
  return containerUnit(name, `${containers[behaviour]}\nLabel=edition=${edition}`);
}
