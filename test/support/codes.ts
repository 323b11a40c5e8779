import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Where codes are made that an operator can meet. */
const FOLDERS = ['functions', 'shared', 'infra/operator', 'infra/terraform'];

/** Words after `code:` that are not ours: zod's word for a fault of a schema. */
const NOT_OURS = new Set(['custom']);

/** Codes that are put together where they are made, and the text by which the sources show that they still are. */
const COMPOSED = [
  { file: 'shared/rotation/mint.ts', shows: 'code: `key_${verdict.outcome}`', codes: ['key_refused', 'key_failed'] },
  { file: 'shared/runtime/errors.ts', shows: "error.code : 'unexpected'", codes: ['unexpected'] },
  { file: 'shared/report/key-looks.ts', shows: "'not_allowed' : 'failed'", codes: ['not_allowed', 'failed'] },
];

/** As the sources write codes down; the group has one, or several in quotes. */
const FORMS = [
  /\bcode:\s*((?:'[a-z_-]+'(?:\s*\|\s*)?)+)/g,
  /new \w*(?:Error|Refused|Needed)\(\s*(?:\d+,\s*)?('[a-z_]+')/g,
  /new (?:ApiError|NotFound)\(\s*(?:'\w+'|[\w.#]+),\s*('[a-z_]+')/g,
  /super\(\s*('[a-z_]+')/g,
  /type \w*Code =([^;]+);/g,
];

/** Every code of a failure, a question, a refusal or a wait that the sources have. @throws Error where a composed one is gone. */
export function codesInSources(): Set<string> {
  const files = FOLDERS.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.(ts|cjs)$/.test(path))
      .map((path) => join(folder, path)),
  );
  const texts = new Map(files.map((file) => [file, readFileSync(file, 'utf8')]));
  const found = [...texts.values()].flatMap((text) =>
    FORMS.flatMap((form) =>
      [...text.matchAll(form)].flatMap(([, group = '']) => group.match(/(?<=')[a-z_-]+(?=')/g) ?? []),
    ),
  );
  const composed = COMPOSED.flatMap(({ file, shows, codes }) => {
    if (!texts.get(file)?.includes(shows)) throw new Error(`${file} has no ${shows}: mend test/support/codes.ts`);
    return codes;
  });
  return new Set([...found, ...composed].filter((code) => !NOT_OURS.has(code)));
}
