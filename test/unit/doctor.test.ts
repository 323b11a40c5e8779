import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CHECK_IDS } from '../../infra/operator/doctor/catalogue.ts';
import { FUNCTIONS, readDeployed } from '../../infra/operator/doctor/deployed.ts';

const folder = mkdtempSync(join(tmpdir(), 'keyrota-doctor-'));
afterAll(() => rmSync(folder, { recursive: true }));

function fileWith(text: string): string {
  const file = join(folder, 'deployed.json');
  writeFileSync(file, text);
  return file;
}

const output = (value: unknown) => ({ sensitive: false, type: 'dynamic', value });
const ENOUGH = {
  function_urls: output({ 'show-report': 'https://show-report.sub.eu-de.codeengine.appdomain.cloud' }),
  profile_ids: output({ 'show-report': 'Profile-1' }),
};

describe('what was deployed', () => {
  it('is read from the outputs of Terraform, whatever else is among them', async () => {
    const more = { project_crn: output('crn:project'), policies: output({ a: ['Writer'] }) };
    expect(await readDeployed(fileWith(JSON.stringify({ ...ENOUGH, ...more })))).toEqual({
      urls: ENOUGH.function_urls.value,
      profileIds: ENOUGH.profile_ids.value,
      names: {},
      secretsManagerCrn: null,
      projectCrn: 'crn:project',
    });
  });

  it.each([
    ['no JSON', 'Outputs:', 'is not JSON'],
    ['nothing', '{}', 'function_urls is missing; profile_ids is missing.'],
    [
      'the value alone',
      JSON.stringify({ ...ENOUGH, profile_ids: { 'show-report': 'Profile-1' } }),
      'profile_ids.value is missing',
    ],
    [
      'another function',
      JSON.stringify({ ...ENOUGH, profile_ids: output({ other: 'Profile-1' }) }),
      'profile_ids.value',
    ],
  ])('that is %s is refused, with the place of the fault and the command that makes it', async (_, text, words) => {
    const file = fileWith(text);
    await expect(readDeployed(file)).rejects.toMatchObject({
      code: 'deployed_file_invalid',
      message: expect.stringContaining(words) as string,
      next: expect.stringContaining('output -json > deployed.json') as string,
    });
  });

  it('that is not there is refused', async () => {
    await expect(readDeployed(join(folder, 'missing.json'))).rejects.toThrow(/missing.json: cannot be read: ENOENT/);
  });

  it('is put out by both examples', () => {
    for (const example of ['basic', 'complete']) {
      const text = readFileSync(`infra/terraform/examples/${example}/outputs.tf`, 'utf8');
      for (const name of ['function_urls', 'profile_ids', 'function_names', 'secrets_manager_crn', 'project_crn'])
        expect(text).toContain(`output "${name}"`);
    }
  });

  it('is of functions that there are', () => {
    expect(FUNCTIONS.toSorted()).toEqual(readdirSync('functions').toSorted());
  });
});

describe('the page of the doctor', () => {
  it('has every check', () => {
    const page = readFileSync('docs/doctor.md', 'utf8');
    for (const id of CHECK_IDS) expect(page).toContain(`| \`${id}\` `);
  });
});
