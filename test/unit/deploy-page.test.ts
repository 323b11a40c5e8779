import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const page = readFileSync('docs/deploy.md', 'utf8');
const MODULE = 'infra/terraform';
const terraform = readdirSync(MODULE)
  .filter((name) => name.endsWith('.tf'))
  .map((name) => readFileSync(`${MODULE}/${name}`, 'utf8'))
  .join('\n');

describe('the page of the deployment', () => {
  it('names no resource and no input of the module that there is not', () => {
    const resources = [...page.matchAll(/module\.keyrota\.(\w+)\.(\w+)/g)];
    expect(resources.length).toBeGreaterThan(2);
    for (const [, type, name] of resources) expect(terraform).toContain(`resource "${type}" "${name}" {`);
    for (const input of ['enable_events', 'existing_cloud_logs_crn', 'rotate_timer', 'settings', 'secrets']) {
      expect(page).toContain(`\`${input}`);
      expect(terraform).toContain(`variable "${input}" {`);
    }
  });

  it('names timers as the module does, also where it says how one comes back', () => {
    expect(terraform).toContain('-timer|${local.function_names[name]}|');
    const timers = [...page.matchAll(/(?:PREFIX-|\b)([a-z][a-z-]*)-timer\b/g)].map(([, name = '']) => name);
    for (const name of timers) expect(readdirSync('functions')).toContain(name);
    const [, counted = ''] = /terraform_data\.timers(\[0\])/.exec(page) ?? [];
    expect(counted).toBe('[0]');
    expect(terraform).toMatch(/resource "terraform_data" "timers" \{\n {2}count/);
  });

  it('leaves nothing in a checkout for which a push of bundles would be refused', () => {
    const ignored = readFileSync('.gitignore', 'utf8').split('\n');
    const left = ['.terraform/', '.terraform.lock.hcl', '*.tfstate', '*.tfstate.*', '*.tfvars'];
    expect(left.filter((pattern) => !ignored.includes(pattern))).toEqual([]);
  });

  it('has a chapter for each thing that an operator does with an installation', () => {
    for (const title of ['Upgrade', 'Roll back', 'Stop and start again', 'Uninstall']) {
      expect(page).toContain(`\n## ${title}\n`);
    }
  });
});
