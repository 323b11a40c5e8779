import parseSpdx from 'spdx-expression-parse';
import { BUNDLED, DEVELOPMENT, FOUND_OUT } from './licence-rules.ts';
import type { LockedPackage } from './locked-packages.ts';

const RULES = 'infra/supply-chain/licence-rules.ts';

/** The bundles that hold code of a package, by its path. */
type Holders = ReadonlyMap<string, readonly string[]>;

/** The licence that counts: what was found out by hand, or what the package declares. */
export const licenceOf = ({ name, version, licence }: LockedPackage): string | null =>
  FOUND_OUT.get(`${name} ${version}`)?.licence ?? licence;

/**
 * One line for each package that may not be used as it is, those in bundles first.
 * @param withoutText Paths of packages in bundles that bring no text of their licence.
 */
export function licenceFaults(
  packages: readonly LockedPackage[],
  holders: Holders,
  withoutText: ReadonlySet<string>,
): string[] {
  const bundled = packages.filter(({ path }) => holders.has(path));
  const others = packages.filter(({ path }) => !holders.has(path));
  const versions = new Set(packages.map(({ name, version }) => `${name} ${version}`));
  const stale = [...FOUND_OUT.keys()].filter((id) => !versions.has(id));
  return [
    ...[...bundled, ...others].flatMap((one) => faultOf(one, holders)),
    ...bundled
      .filter(({ path }) => withoutText.has(path))
      .map(
        (one) =>
          `${placed(one, holders)} brings no text of its licence, which must go with the bundle: add it to infra/bundle/licence-texts.ts`,
      ),
    ...stale.map((id) => `${id} is not locked any more: take it out of FOUND_OUT in ${RULES}`),
  ];
}

function faultOf(one: LockedPackage, holders: Holders): string[] {
  const licence = licenceOf(one);
  const list = holders.has(one.path) ? 'BUNDLED' : 'DEVELOPMENT';
  const found = `find out which it has, and say so in FOUND_OUT in ${RULES}, or do without the package`;
  if (licence === null) return [`${placed(one, holders)} declares no licence: ${found}`];
  const refused = refusedOf(licence, list === 'BUNDLED' ? BUNDLED : DEVELOPMENT);
  if (refused === null)
    return [`${placed(one, holders)} declares ${JSON.stringify(licence)}, which is no SPDX expression: ${found}`];
  if (refused.length === 0) return [];
  return [
    `${placed(one, holders)} is under ${licence}, and ${refused.join(', ')} is not allowed there: ` +
      `do without it, or decide on the licence and add it to ${list} in ${RULES}`,
  ];
}

/** Which package, where its code goes, and who brings it in. */
function placed({ path, name, version, broughtInBy }: LockedPackage, holders: Holders): string {
  const bundles = holders.get(path);
  const use = bundles ? `in the bundle of ${bundles.join(', ')}` : 'in no bundle';
  const by =
    broughtInBy.length > 1 ? `brought in by ${broughtInBy.slice(0, -1).join(' > ')}` : 'a dependency of our own';
  return `${name} ${version} (${use}; ${by})`;
}

/**
 * The licences of an SPDX expression that stand in the way: none where it is allowed, null where it is no expression. Of an OR one side
 * is enough, of an AND both must be allowed; a licence with an exception is another one than without; `+` gives the choice of later
 * ones, and so takes nothing away. https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/
 */
export function refusedOf(licence: string, allowed: ReadonlySet<string>): string[] | null {
  try {
    return refusedIn(parseSpdx(licence), allowed);
  } catch {
    return null;
  }
}

function refusedIn(expression: parseSpdx.SpdxExpression, allowed: ReadonlySet<string>): string[] {
  if ('license' in expression) {
    const { license, exception } = expression;
    const id = exception === undefined ? license : `${license} WITH ${exception}`;
    return allowed.has(id) ? [] : [id];
  }
  const left = refusedIn(expression.left, allowed);
  const right = refusedIn(expression.right, allowed);
  const isEnough = expression.conjunction === 'or' && (left.length === 0 || right.length === 0);
  return isEnough ? [] : [...left, ...right];
}
