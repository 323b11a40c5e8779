import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { BundledPackage } from './bundled-packages.ts';

/** Files that hold a licence, and those that must be passed on with it. */
const LICENCE_FILE = /^(?:un)?(?:licen[cs]e|copying)(?:[-_.][\w.-]+)?$/i;
const NOTICE_FILE = /^(?:notice|third[-_]?party[-_]?(?:notices?|licen[cs]es?))(?:[-_.][\w.-]+)?$/i;
const CODE = /\.(?:[cm]?[jt]s|json|map)$/i;

const README_FILE = /^readme(?:\.(?:md|markdown|txt))?$/i;
/** Its chapter that has the whole text of a licence, as some packages do it. */
const README_CHAPTER =
  /^(?:#+ *Licen[cs]e *\n|Licen[cs]e *\n[-=]{3,} *\n)(?<text>[\s\S]*?)(?=^#|^\[[^\]]+\]: |$(?![\s\S]))/im;
const WHOLE_TEXT = /permission is hereby granted|redistribution and use|terms and conditions|permission to use, copy/i;

/** Its text is the same for everybody, and stands in our own `LICENSE`. */
const APACHE = 'Apache-2.0';

const tidied = (text: string): string =>
  text
    .replaceAll(/\r\n?/g, '\n')
    .replaceAll(/[ \t]+$/gm, '')
    .trim();

/** The text of a package's licence with all its notices, or null where it brings none. */
export async function licenceText(root: string, path: string, licence: string | null): Promise<string | null> {
  const folder = join(root, path);
  const entries = await readdir(folder, { withFileTypes: true });
  const files = entries.flatMap((entry) => (entry.isFile() && !CODE.test(entry.name) ? [entry.name] : []));
  const textOf = async (wanted: RegExp): Promise<string> => {
    const names = files.filter((name) => wanted.test(name)).toSorted();
    const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
    return texts.map(tidied).join('\n\n').trim();
  };
  const text =
    (await textOf(LICENCE_FILE)) ||
    chapterIn(await textOf(README_FILE)) ||
    (licence === APACHE ? tidied(await readFile(join(root, 'LICENSE'), 'utf8')) : '');
  return text === '' ? null : `${text}\n\n${await textOf(NOTICE_FILE)}`.trim();
}

function chapterIn(readme: string): string {
  const chapter = README_CHAPTER.exec(readme)?.groups?.['text'] ?? '';
  return WHOLE_TEXT.test(chapter) ? chapter.trim().replaceAll('&lt;', '<').replaceAll('&gt;', '>') : '';
}

const RULE = '='.repeat(80);

/** What must go with a bundle, for it holds code of others: their names, and the texts of their licences, each once. */
export async function thirdPartyLicences(root: string, packages: readonly BundledPackage[]): Promise<string> {
  const owners = new Map<string, string[]>();
  for (const one of packages.toSorted((left, right) => (nameOf(left) < nameOf(right) ? -1 : 1))) {
    const text = (await licenceText(root, one.path, one.licence)) ?? 'The package brings no text of its licence.';
    owners.set(text, [...(owners.get(text) ?? []), `${nameOf(one)} (${one.licence ?? 'no licence declared'})`]);
  }
  const chapters = [...owners].map(([text, names]) => `${RULE}\n${names.join('\n')}\n${RULE}\n\n${text}\n`);
  return `This bundle holds code of the packages below, under these licences.\n\n${chapters.join('\n')}`;
}

const nameOf = ({ name, version }: BundledPackage): string => `${name} ${version}`;
