// Does nothing.
export default { name: "noop", run() {} };
