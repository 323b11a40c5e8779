import { relative } from 'node:path';
import { BaseSequencer } from 'vitest/node';
import type { TestSpecification } from 'vitest/node';

/**
 * The files that take longest, longest first. They begin first: one that begins last would run on alone, with all processors but
 * one idle. Vitest knows by itself how long a file took, but not on a fresh clone, where it goes by the length of its text.
 */
export const LONGEST: readonly string[] = [
  'test/e2e/readme.test.ts',
  'test/simulation/each-call-of-a-mint.test.ts',
  'test/kinds/logging-key.test.ts',
  'test/kinds/user-api-key.test.ts',
  'test/browser/report.test.ts',
  'test/e2e/operator-terminal.test.ts',
  'test/kinds/service-credential.test.ts',
  'test/simulation/open-questions.test.ts',
  'test/e2e/build-command.test.ts',
  'test/simulation/user-keys.test.ts',
  'test/simulation/two-runs.test.ts',
  'test/simulation/guards.test.ts',
  'test/simulation/pairs-of-mishaps.test.ts',
  'test/simulation/each-call-of-a-retirement.test.ts',
  'test/kinds/classic-api-key.test.ts',
  'test/e2e/demo-command.test.ts',
  'test/unit/webhooks-fuzz.test.ts',
  'test/terraform/least-privilege.test.ts',
  'test/e2e/operator-demo.test.ts',
  'test/terraform/push-bundles.test.ts',
  'test/e2e/operator-output.test.ts',
  'test/host/standstill.test.ts',
  'test/simulation/leak-flows.test.ts',
];

const placeOf = ({ moduleId, project }: TestSpecification): number => {
  const place = LONGEST.indexOf(relative(project.config.root, moduleId));
  return place === -1 ? LONGEST.length : place;
};

/** The longest files first; the others as Vitest orders them. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // It is the sequencer's own, and sorts no array in its place.
    // oxlint-disable-next-line unicorn/no-array-sort
    const sorted = await super.sort(files);
    return sorted.toSorted((one, other) => placeOf(one) - placeOf(other));
  }
}
