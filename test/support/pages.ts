import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { anchorOf } from '../../infra/operator/runbook-index.ts';

/** A page without what stands in blocks of code. */
const withoutBlocks = (page: string): string => page.replaceAll(/^```.*?^```$/gms, '');

/** Pages are read once: nobody changes them meanwhile. */
const known = new Map<string, Set<string>>();

/** Everything on a page that an address can point to. */
function anchorsOn(file: string): Set<string> {
  const before = known.get(file);
  if (before) return before;
  const page = withoutBlocks(readFileSync(file, 'utf8'));
  const headings = [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading));
  const marks = [...page.matchAll(/<a id="([^"]+)">/g)].map(([, id = '']) => id);
  const anchors = new Set([...headings, ...marks]);
  known.set(file, anchors);
  return anchors;
}

/** Links and pictures of a page that lead nowhere: to no file of the project, or to no heading of it. */
export function deadLinks(file: string): string[] {
  const links = [...withoutBlocks(readFileSync(file, 'utf8')).matchAll(/\]\(([^)\s]+)\)/g)].map(
    ([, link = '']) => link,
  );
  return links
    .filter((link) => !/^[a-z]+:/.test(link))
    .filter((link) => {
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? file : join(dirname(file), path);
      if (!existsSync(target)) return true;
      return anchor !== undefined && !anchorsOn(target).has(anchor);
    });
}

/** What a page shows as code: blocks line by line, and what stands between backticks. */
export function codeOn(file: string): string[] {
  const page = readFileSync(file, 'utf8');
  const blocks = [...page.matchAll(/^```\w*\n(.*?)^```$/gms)].flatMap(([, block = '']) => block.split('\n'));
  const inline = [...withoutBlocks(page).matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
  return [...blocks, ...inline].map((code) => code.trim());
}
