import { describe, expect, test } from "vitest";

import {
  controllersIn,
  divide,
  ownGroup,
  whyKilled,
} from "../../../../src/worker/policy/group-text.ts";

const mount = (root: string, point: string) =>
  `22 26 0:21 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n35 22 0:30 ${root} ${point} rw,nosuid,nodev shared:9 - cgroup2 cgroup2 rw,nsdelegate\n`;

describe("the worker's own group", () => {
  test.each([
    [
      "0::/system.slice/w.service\n",
      "/",
      "/sys/fs/cgroup",
      "/sys/fs/cgroup/system.slice/w.service",
    ],
    ["0::/\n", "/", "/sys/fs/cgroup", "/sys/fs/cgroup"],
    ["0::/docker/ab\n", "/docker/ab", "/sys/fs/cgroup", "/sys/fs/cgroup"],
    ["4:memory:/x\n1:cpu:/\n0::/y\n", "/", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/unified/y"],
  ])("%j below %s at %s is %s", (membership, root, point, group) => {
    expect(ownGroup(membership, mount(root, point))).toBe(group);
  });

  test.each([
    ["there is only the old kind", "4:memory:/x\n", mount("/", "/sys/fs/cgroup")],
    ["nothing of it is mounted", "0::/x\n", "22 26 0:21 / /sys rw - sysfs sysfs rw\n"],
    ["it is outside of what is mounted", "0::/other\n", mount("/docker/ab", "/sys/fs/cgroup")],
    ["it is outside of the namespace", "0::/../other\n", mount("/", "/sys/fs/cgroup")],
    ["there is no procfs", "", ""],
  ])("cannot be told where %s", (_why, membership, mounts) => {
    expect(ownGroup(membership, mounts)).toBeUndefined();
  });
});

test("only controllers that hold a limit count", () => {
  expect(controllersIn("cpuset cpu io memory hugetlb pids\n")).toEqual(["memory", "pids"]);
  expect(controllersIn("hugetlb\n")).toEqual([]);
  expect(controllersIn("")).toEqual([]);
});

describe("limits are divided", () => {
  const limits = { cpuSeconds: 7, memoryBytes: 1_048_576, processes: 5 };

  test("between the group and each process", () => {
    expect(divide(limits, ["memory", "pids"])).toEqual({
      settings: [
        ["memory.max", "1048576"],
        ["memory.swap.max", "0"],
        ["memory.oom.group", "1"],
        ["pids.max", "5"],
      ],
      rest: { cpuSeconds: 7 },
    });
  });

  test("as the controllers are there, and as they are asked for", () => {
    expect(divide(limits, [])).toEqual({ settings: [], rest: limits });
    expect(divide(limits, ["pids"]).rest).toEqual({ cpuSeconds: 7, memoryBytes: 1_048_576 });
    expect(divide({ cpuSeconds: 7 }, ["memory", "pids"])).toEqual({
      settings: [],
      rest: { cpuSeconds: 7 },
    });
  });
});

test.each([
  ["its own limit, when it was reached", "max 12\noom 3\noom_kill 1\noom_group_kill 1\n", /limit/],
  ["others, when its own was not", "max 0\noom 0\noom_kill 1\noom_group_kill 0\n", /host/],
])("a kill for want of memory is told of %s", (_whose, events, reason) => {
  expect(whyKilled(`low 0\nhigh 0\n${events}`)).toMatch(reason);
});

test("without a kill nothing is told", () => {
  expect(whyKilled("low 0\nhigh 0\nmax 12\noom 3\noom_kill 0\noom_group_kill 0\n")).toBeUndefined();
  expect(whyKilled("")).toBeUndefined();
});
