// Says which place of its array it has, or which schedule fired it.
export default {
  name: "place",
  run(_input, { group, schedule, log }) {
    if (schedule) log(`${schedule.name} at ${schedule.at.toISOString()}`);
    if (group) log(`${group.index} of ${group.count}: ${Object.values(group.values).join(" ")}`);
  },
};
