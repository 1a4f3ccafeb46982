// Says which place of its array it has.
export default {
  name: "place",
  run(_input, { group, log }) {
    log(`${group.index} of ${group.count}: ${Object.values(group.values).join(" ")}`);
  },
};
