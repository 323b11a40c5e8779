import { describe, expect, it } from 'vitest';
import { outcomeOf } from '../support/mishaps.ts';
import { ANSWERS } from '../support/open-questions.ts';
import {
  adoptingVersion,
  grantManager,
  deletion,
  firstMint,
  leakInGrace,
  rotation,
  undoing,
} from '../support/scenes.ts';
import { WatchedRun } from '../support/watched-run.ts';

/** Where these are answered yes, the product asks for the role; here it has it. */
const NEEDS_MANAGER = ['removePreviousNeedsLockDelete', 'versionMetadataNeedsManager'];

const STALE_SUMMARY = /the summary names a former key|still to do: the former key is gone/;

const SCENES = {
  'a first mint': firstMint,
  'a rotation': rotation,
  'a rotation of a leaked key while an older one is in grace': leakInGrace,
  'the former key’s deletion': deletion,
  'an undo': undoing,
  'an adoption of what a person stored': adoptingVersion,
};

/** Every answer but the strict one, with which all other tests run. */
const OTHERS = Object.entries(ANSWERS).flatMap(([name, values]) =>
  values.slice(1).map((value: unknown) => ({ name, value, text: `${name} = ${JSON.stringify(value)}` })),
);

describe.each(OTHERS)('where the platform answers $text', ({ name, value }) => {
  it.each(Object.entries(SCENES))('%s ends well', async (_, scene) => {
    const trial = await scene({ switches: { [name]: value } });
    const { lab } = trial;
    if (NEEDS_MANAGER.includes(name)) await grantManager(lab);
    const wrongs = await outcomeOf(trial, new WatchedRun(lab));
    // Then a summary stays as it was stored, and the key is looked at more often than it need be.
    const isExpected = (wrong: string) => name === 'lockRefusesSecretPatch' && STALE_SUMMARY.test(wrong);
    expect(wrongs.filter((wrong) => !isExpected(wrong))).toEqual([]);
  });
});
