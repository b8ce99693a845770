/** How systemd writes a unit's name into its D-Bus object path (`sd_bus_path_encode(3)`). Pure. */
const parent = "/org/freedesktop/systemd1/unit/";
/** The object path of a unit: `web@1.service` is at `/org/freedesktop/systemd1/unit/web_401_2eservice`. */
export function unitPath(name) {
    let label = "";
    for (const [at, byte] of Buffer.from(name).entries()) {
        const letter = String.fromCharCode(byte);
        // A digit is escaped only in front: an element of a path may not begin with one.
        const plain = at === 0 ? /[A-Za-z]/ : /[A-Za-z0-9]/;
        label += plain.test(letter) ? letter : `_${byte.toString(16).padStart(2, "0")}`;
    }
    return parent + (label === "" ? "_" : label);
}
/** All units' paths begin so, without the last slash. */
export const unitPathNamespace = parent.slice(0, -1);
const interfacesByType = {
    automount: "Automount",
    mount: "Mount",
    path: "Path",
    service: "Service",
    slice: "Slice",
    socket: "Socket",
    swap: "Swap",
    target: "Target",
    timer: "Timer",
};
/** What follows the last dot of a unit's name: `service`. */
export function unitType(name) {
    return name.slice(name.lastIndexOf(".") + 1);
}
/** The D-Bus interface that only units of this name's type have, undefined if files cannot describe such units. */
export function typeInterface(name) {
    const type = unitType(name);
    return Object.hasOwn(interfacesByType, type)
        ? `org.freedesktop.systemd1.${interfacesByType[type]}`
        : undefined;
}
//# sourceMappingURL=object-path.js.map