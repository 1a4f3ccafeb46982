// The order of the test files: the histories of test/sim first, which compute in the gaps that waiting tests leave.
import { BaseSequencer, type TestSpecification } from "vitest/node";

const isSim = ({ project }: TestSpecification) => project.name === "sim";

export class SimFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- vitest's own, which gives a copy
    const sorted = await super.sort(files);
    return [...sorted.filter(isSim), ...sorted.filter((file) => !isSim(file))];
  }
}
