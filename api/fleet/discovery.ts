/**
 * What `GET /discovery` answers: the API in the format of Google's discovery service, version 1
 * (developers.google.com/discovery/v1/reference/apis), from which clients of fleet were generated.
 */

const text = { type: "string" } as const;
const ref = (name: string) => ({ $ref: name });
const listOf = (name: string) => ({ type: "array", items: ref(name) });
const words = (...allowed: readonly string[]) => ({ type: "string", enum: allowed });
const inQuery = { type: "string", location: "query" } as const;
const unitName = { unitName: { type: "string", location: "path", required: true } } as const;

function schema(id: string, properties: Readonly<Record<string, object>>): object {
  return { id, type: "object", properties };
}

function listing(id: string, path: string, entity: string, page: string, filters: readonly string[] = []) {
  const parameters = Object.fromEntries(["nextPageToken", ...filters].map((name) => [name, inQuery]));
  const description = `Retrieve a page of ${entity} objects.`;
  return { id, description, httpMethod: "GET", path, parameters, response: ref(page) };
}

function named(path: string, id: string, httpMethod: string, description: string, more: object = {}) {
  return { id, description, httpMethod, path, parameters: unitName, parameterOrder: ["unitName"], ...more };
}

function onUnit(id: string, httpMethod: string, description: string, more: object = {}) {
  return named("units/{unitName}", id, httpMethod, description, more);
}

const states = words("inactive", "loaded", "launched");

const description = {
  kind: "discovery#restDescription",
  discoveryVersion: "v1",
  id: "fleet:v1",
  name: "schema",
  version: "v1",
  title: "fleet API",
  description: "",
  documentationLink: "http://github.com/coreos/fleet",
  protocol: "rest",
  icons: { x16: "", x32: "" },
  labels: [],
  baseUrl: "$ENDPOINT/fleet/v1/",
  basePath: "/fleet/v1/",
  rootUrl: "$ENDPOINT/",
  servicePath: "fleet/v1/",
  batchPath: "batch",
  parameters: {},
  auth: {},
  schemas: {
    Machine: schema("Machine", {
      id: text,
      primaryIP: text,
      metadata: { type: "object", properties: {}, additionalProperties: text },
    }),
    MachinePage: schema("MachinePage", { machines: listOf("Machine"), nextPageToken: text }),
    UnitOption: schema("UnitOption", { section: text, name: text, value: text }),
    Unit: schema("Unit", {
      name: text,
      options: listOf("UnitOption"),
      desiredState: states,
      currentState: states,
      machineID: { type: "string", required: true },
    }),
    UnitPage: schema("UnitPage", { units: listOf("Unit"), nextPageToken: text }),
    UnitState: schema("UnitState", {
      name: text,
      hash: text,
      machineID: text,
      systemdLoadState: text,
      systemdActiveState: text,
      systemdSubState: text,
    }),
    UnitStatePage: schema("UnitStatePage", { states: listOf("UnitState"), nextPageToken: text }),
  },
  resources: {
    Machines: { methods: { List: listing("fleet.Machine.List", "machines", "Machine", "MachinePage") } },
    Units: {
      methods: {
        List: listing("fleet.Unit.List", "units", "Unit", "UnitPage"),
        Get: onUnit("fleet.Unit.Get", "GET", "Retrieve a single Unit object.", { response: ref("Unit") }),
        Delete: onUnit("fleet.Unit.Delete", "DELETE", "Delete the referenced Unit object."),
        Set: onUnit("fleet.Unit.Set", "PUT", "Create or update a Unit.", { request: ref("Unit") }),
      },
    },
    UnitState: {
      methods: {
        Get: named(
          "state/{unitName}",
          "fleet.UnitState.Get",
          "GET",
          "Retrieve a page of a single UnitState object.",
          { response: ref("UnitState") },
        ),
        List: listing("fleet.UnitState.List", "state", "UnitState", "UnitStatePage", [
          "unitName",
          "machineID",
        ]),
      },
    },
  },
} as const;

/** The answer, to the byte: indented, and a newline at the end. */
export const discovery = `${JSON.stringify(description, null, 2)}\n`;
