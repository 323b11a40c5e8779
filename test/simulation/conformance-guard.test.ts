import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { settingOf, textOf, verdictOf } from '../../infra/conformance/answer.ts';
import type { Answer } from '../../infra/conformance/answer.ts';
import { Book } from '../../infra/conformance/book.ts';
import { CONTRACTS, POINTS } from '../../infra/conformance/catalogue.ts';
import { permitOf } from '../../infra/conformance/guard.ts';
import { NOT_PROBED } from '../../infra/conformance/not-probed.ts';
import { CALLS, MINUTES } from '../../infra/conformance/plan.ts';
import { RUN_LIMIT_MS } from '../../infra/conformance/run.ts';
import { runNameAt, runOf } from '../../infra/conformance/run-name.ts';
import { Switches } from '../../infra/local/switches.ts';

describe('the catalogue', () => {
  it('has each switch of the embedded cloud once: probed, or with the reason why not', () => {
    const named = [...POINTS, ...NOT_PROBED].map((one) => one.switch);
    expect(named.toSorted()).toEqual(Object.keys(Switches.shape).toSorted());
    expect(NOT_PROBED.filter(({ why }) => why.length < 20)).toEqual([]);
  });

  it('has each contract as one sentence, and once', () => {
    const sentences = CONTRACTS.map(({ sentence }) => sentence);
    expect(new Set(sentences).size).toBe(sentences.length);
    expect(sentences.filter((one) => !/^[A-Z`].*\.$/.test(one))).toEqual([]);
  });
});

describe('the page', () => {
  it('has the figures that a run announces', () => {
    const page = readFileSync('docs/conformance.md', 'utf8').replaceAll('\n', ' ');
    const [least, most] = [CALLS.least, CALLS.most].map((count) => count.toLocaleString('en'));
    expect(page).toContain(`${least} to ${most} in all, and takes ${MINUTES.least} to ${MINUTES.most} minutes`);
    expect(page).toContain(`It gives up after ${RUN_LIMIT_MS / 60_000}.`);
  });
});

const RUN = 'keyrota-conformance-20261201102837-96aadb';

/** A run that has made one thing of each kind. */
function bookOfRun(): Book {
  const book = new Book(RUN);
  book.add('secret group', 'our-group');
  book.add('secret', 'our-secret');
  book.add('service ID', 'ServiceId-ours');
  book.add('API key', 'ApiKey-ours');
  book.add('policy', 'our-policy');
  book.add('resource key', 'our-resource-key');
  return book;
}

const permit = (method: string, path: string, body: Record<string, unknown> = {}) =>
  permitOf(bookOfRun(), method, new URL(`https://cloud.example${path}`), body);

const policyFor = (iamId: string, ...resources: string[]) => ({
  type: 'access',
  subjects: [{ attributes: [{ name: 'iam_id', value: iamId }] }],
  resources: [{ attributes: resources.map((one) => ({ name: one.split('=')[0], value: one.split('=')[1] })) }],
});
const OWN_GROUP = ['serviceName=secrets-manager', 'resourceType=secret-group', 'resource=our-group'];

describe('the guard', () => {
  it.each([
    ['GET', '/v1/apikeys/ApiKey-ours', {}],
    ['DELETE', '/v1/apikeys/ApiKey-ours/disable', {}],
    ['POST', '/v1/apikeys', { name: `${RUN}-key`, iam_id: 'iam-ServiceId-ours' }],
    ['POST', '/v1/serviceids', { name: RUN }],
    ['POST', '/v1/policies', policyFor('iam-ServiceId-ours', ...OWN_GROUP)],
    ['DELETE', '/api/v2/secrets/our-secret/locks_bulk?name=a', {}],
    ['POST', '/api/v2/secrets', { name: `${RUN}-one`, secret_group_id: 'our-group' }],
    ['POST', '/v2/resource_keys', { name: `${RUN}-one`, role: 'NONE', parameters: {} }],
    ['GET', '/v1/serviceids?account_id=a', {}],
  ])('lets pass what is about things of the run: %s %s', (method, path, body) => {
    expect(() => permit(method, path, body)).not.toThrow();
  });

  it.each([
    ['GET', '/v1/apikeys/ApiKey-theirs', {}],
    ['POST', '/v1/apikeys/ApiKey-theirs/disable', {}],
    ['DELETE', '/v1/apikeys/ApiKey-theirs', {}],
    ['DELETE', '/v1/apikeys/ServiceId-ours', {}],
    ['POST', '/v1/apikeys', { name: `${RUN}-key`, iam_id: 'iam-ServiceId-theirs' }],
    ['POST', '/v1/apikeys', { name: 'key', iam_id: 'iam-ServiceId-ours' }],
    ['POST', '/v1/apikeys', { name: `${RUN}-key`, iam_id: 'IBMid-1' }],
    ['DELETE', '/v1/serviceids/ServiceId-theirs', {}],
    ['POST', '/v1/serviceids', { name: `${RUN}x` }],
    ['POST', '/v1/policies', policyFor('iam-ServiceId-theirs', ...OWN_GROUP)],
    ['POST', '/v1/policies', policyFor('iam-ServiceId-ours', 'serviceName=secrets-manager')],
    ['POST', '/v1/policies', policyFor('iam-ServiceId-ours', ...OWN_GROUP.slice(0, 2), 'resource=their-group')],
    [
      'POST',
      '/v1/policies',
      {
        ...policyFor('iam-ServiceId-ours', ...OWN_GROUP),
        resources: [
          ...policyFor('iam-ServiceId-ours', ...OWN_GROUP).resources,
          ...policyFor('iam-ServiceId-ours', 'serviceName=secrets-manager').resources,
        ],
      },
    ],
    ['PUT', '/v1/policies/our-policy', {}],
    ['PUT', '/v1/accounts/a/settings/identity', {}],
    ['GET', '/api/v2/secrets/their-secret', {}],
    ['PATCH', '/api/v2/secrets/their-secret/metadata', {}],
    ['DELETE', '/api/v2/secrets/their-secret%2F..%2Four-secret', {}],
    ['DELETE', '/api/v2/secrets/our-secret%2F..%2Ftheir-secret', {}],
    ['POST', '/api/v2/secrets', { name: `${RUN}-one`, secret_group_id: 'default' }],
    ['DELETE', '/api/v2/secret_groups/their-group', {}],
    ['DELETE', '/api/v2/notifications/registration', {}],
    ['POST', '/v2/resource_keys', { name: `${RUN}-one`, role: 'Manager', parameters: {} }],
    [
      'POST',
      '/v2/resource_keys',
      { name: `${RUN}-one`, parameters: { serviceid_crn: 'crn:serviceid:ServiceId-theirs' } },
    ],
    ['DELETE', '/v2/resource_keys/their-key', {}],
    ['DELETE', '/v2/resource_instances/instance', {}],
  ])('lets nothing pass that is about something else: %s %s', (method, path, body) => {
    expect(() => permit(method, path, body)).toThrow(expect.objectContaining({ code: 'not_ours', effect: 'none' }));
  });
});

describe('the name of a run', () => {
  it('tells when the run began, also in the names that it gives', () => {
    const atMs = Date.UTC(2026, 11, 1, 10, 28, 37);
    const runName = runNameAt(atMs + 499);
    expect(runOf(runName)).toEqual({ runName, beganAtMs: atMs });
    expect(runOf(`${runName}-taken-7`)).toEqual({ runName, beganAtMs: atMs });
  });

  it.each(['keyrota-conformance', 'keyrota-conformance-tests', `${RUN}0`, `x${RUN}`, RUN.replace('1201', '1341')])(
    'is not seen in the name %s of somebody else',
    (name) => {
      expect(runOf(name)).toBeNull();
    },
  );
});

describe('an answer', () => {
  it.each<[Answer, assumed: string | number | boolean, string, string, unknown]>([
    [{ kind: 'value', value: 409 }, 409, 'agrees', '409', 409],
    [{ kind: 'value', value: 'merge' }, 'replace', 'differs', 'merge', 'merge'],
    [{ kind: 'value', value: false }, true, 'differs', 'false', false],
    [{ kind: 'after', moreThanMs: 0, atMostMs: 0 }, 0, 'agrees', 'at once', 0],
    [{ kind: 'after', moreThanMs: 0, atMostMs: 0 }, 2_000, 'differs', 'at once', 0],
    [{ kind: 'after', moreThanMs: 1_500, atMostMs: 2_100 }, 2_000, 'agrees', 'within 2100 ms, not within 1500', 2_000],
    [{ kind: 'after', moreThanMs: 1_500, atMostMs: 2_100 }, 1_500, 'differs', 'within 2100 ms, not within 1500', 2_100],
    [{ kind: 'longer', thanMs: 40_000 }, 86_400_000, 'agrees', 'not within 40000 ms', 86_400_000],
    [{ kind: 'longer', thanMs: 40_000 }, 0, 'differs', 'not within 40000 ms', 40_000],
    [{ kind: 'other', seen: 'status 418' }, 409, 'differs', 'another way: status 418', undefined],
    [{ kind: 'unsettled', why: 'status 403' }, 409, 'not settled', 'not settled: status 403', undefined],
  ])('%j, where %j is assumed, %s', (answer, assumed, verdict, text, setting) => {
    expect([verdictOf(answer, assumed), textOf(answer), settingOf(answer, assumed)]).toEqual([verdict, text, setting]);
  });
});
