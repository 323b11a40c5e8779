import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CloudClock } from '../../infra/local/clock.ts';
import { FunctionHost } from '../../infra/local/host/function-host.ts';
import type { HostedFunction } from '../../infra/local/host/hosted-function.ts';
import { startWorld } from './world.ts';

const variables = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`V${n}`, '']));

const hostOf = (part: Partial<HostedFunction>) =>
  new FunctionHost({
    clock: new CloudClock({ speed: Infinity }),
    functions: [{ name: 'f', directory: '/', environment: {}, ...part }],
    onLog: () => {},
  });

describe('the environment of a function', () => {
  it('holds its own variables and those of the platform, and none of the host', async () => {
    await using world = await startWorld({ 'show-env': 'exports.main = () => json(process.env);' });
    const environment = (await (await world.call('/show-env')).json()) as Record<string, string>;
    const names = [
      ['CE_ALLOW_CONCURRENT', 'CE_API_BASE_URL', 'CE_DOMAIN', 'CE_EXECUTION_ENV', 'CE_FUNCTION', 'CE_PROJECT_ID'],
      ['CE_REGION', 'CE_SUBDOMAIN', 'CLOUD_URL', 'HOME', 'HOST_URL', 'PATH', 'PWD'],
    ];
    expect(Object.keys(environment).toSorted()).toEqual(names.flat());
    expect(environment).toMatchObject({
      CE_FUNCTION: 'show-env',
      CE_DOMAIN: 'us-south.codeengine.appdomain.cloud',
      CLOUD_URL: world.cloudUrl,
    });
  });

  it('takes a variable of 128 KiB with its name and end, and refuses a byte more', () => {
    expect(() => hostOf({ environment: { NAME: 'x'.repeat(131_072 - 6) } })).not.toThrow();
    expect(() => hostOf({ environment: { NAME: 'x'.repeat(131_072 - 5) } })).toThrow(
      'Function f: NAME takes 131073 bytes, more than 131072.',
    );
    expect(() => hostOf({ environment: { NAME: 'ü'.repeat(65_534) } })).toThrow(RangeError);
  });

  it('takes 100 variables and refuses one more', () => {
    expect(() => hostOf({ environment: variables(100) })).not.toThrow();
    expect(() => hostOf({ environment: variables(101) })).toThrow('101 variables, more than 100');
  });

  it.each([
    [{ environment: { 'A B': 'secret' } }, 'Function f: "A B" is no name of a variable.'],
    [{ name: 'Rotate' }, '"Rotate" is no name of a function.'],
    [{ name: 'f'.repeat(64) }, 'is no name of a function.'],
    [{ maxExecutionSeconds: 121 }, 'maxExecutionSeconds is 121, outside of 0 to 120.'],
    [{ maxExecutionSeconds: 0 }, 'maxExecutionSeconds is 0'],
    [{ computeResourceToken: () => 'secret' }, 'has a computeResourceToken but no computeResourceTokenVariable'],
  ])('is checked: %j', (part, message) => {
    expect(() => hostOf(part)).toThrow(message);
  });
});

describe('the compute-resource token of a function', () => {
  const TOKEN = `
  const { readFileSync } = require('node:fs');
  const path = process.env.KEYROTA_COMPUTE_RESOURCE_TOKEN_FILE;
  exports.main = ({ exit }) => exit ? process.exit() : json({ path, token: path && readFileSync(path, 'utf8') });`;

  it('is in a file that only its owner may read, is kept current, and goes with the host', async () => {
    let issued = 0;
    const computeResourceToken = () => `token ${(issued += 1)}`;
    const computeResourceTokenVariable = 'KEYROTA_COMPUTE_RESOURCE_TOKEN_FILE';
    const world = await startWorld({ f: TOKEN }, { function: { computeResourceToken, computeResourceTokenVariable } });
    const read = async () => (await (await world.call('/f')).json()) as { path: string; token: string };
    const { path, token } = await read();
    expect(token).toBe('token 1');
    expect([statSync(path).mode & 0o777, statSync(dirname(path)).mode & 0o777]).toEqual([0o600, 0o700]);
    expect((await read()).token).toBe('token 2');
    await world.call('/f?exit=yes');
    expect(await read()).toEqual({ path, token: 'token 4' });
    await world[Symbol.asyncDispose]();
    expect(existsSync(dirname(path))).toBe(false);
  });

  it('is not there for a function without one', async () => {
    await using world = await startWorld({ f: TOKEN });
    expect(await (await world.call('/f')).json()).toEqual({});
  });
});
