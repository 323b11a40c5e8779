import { describe, expect, it } from 'vitest';
import { readEventReport } from '../../shared/incidents/event-report.ts';
import { readGithubAlert } from '../../shared/incidents/github-alert.ts';
import { readGitguardianIncident } from '../../shared/incidents/gitguardian-incident.ts';
import { readIncident } from '../../shared/incidents/incident.ts';
import { parseJsonBody } from '../../shared/incidents/json-body.ts';
import { HttpError } from '../../shared/runtime/code-engine.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { gitguardian, github, requestOf } from '../support/webhook-requests.ts';

const HASH = '0123456789ABCDEF'.repeat(4);
const KEY_ID = 'ApiKey-01234567-89ab-4cde-8f01-23456789abcd';
const OTHER_KEY_ID = 'ApiKey-fedcba98-89ab-4cde-8f01-23456789abcd';

function faultOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof HttpError && error.status === 400 && error.code === 'invalid_request') return error.message;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('a body', () => {
  it('is JSON in UTF-8', () => {
    expect(parseJsonBody(Buffer.from('{"a":"€"}'))).toEqual({ a: '€' });
    for (const bytes of ['', 'x', '{', Buffer.from([0x22, 0xe2, 0x82, 0x22]), Buffer.from('{}', 'utf16le')]) {
      expect(faultOf(() => parseJsonBody(Buffer.from(bytes as string)))).toBe('(body): is not JSON');
    }
  });
});

describe('a report in our own format', () => {
  const of = (credential: object, more: object = {}) =>
    readIncident({ type: 'key.compromised', data: { credential, ...more } }, 'msg_1');

  it.each<[object, object]>([
    [{ id: KEY_ID }, { by: 'id', id: KEY_ID }],
    [
      { kind: 'iam_api_key', id: KEY_ID },
      { by: 'id', id: KEY_ID },
    ],
    [{ crn: 'crn:v1:x' }, { by: 'crn', crn: 'crn:v1:x' }],
    [{ name: 'my key' }, { by: 'name', name: 'my key' }],
    [{ service_id: 'ServiceId-1' }, { by: 'service-id', serviceId: 'ServiceId-1' }],
    [{ service_id: 'iam-ServiceId-1' }, { by: 'service-id', serviceId: 'iam-ServiceId-1' }],
    [{ secret_crn: 'crn:v1:x:secret:1' }, { by: 'secret-crn', crn: 'crn:v1:x:secret:1' }],
    [{ sha256: HASH }, { by: 'sha256', hash: HASH.toLowerCase() }],
    [{ hmsl: HASH }, { by: 'hmsl', hash: HASH.toLowerCase() }],
  ])('names a key: %j', (given, credential) => {
    expect(of(given)).toEqual({
      reports: [
        {
          sender: 'standard-webhooks',
          deliveryId: 'msg_1',
          credential,
          detectedAtMs: null,
          leakedAtMs: null,
          reason: null,
          evidenceUrl: null,
          dryRun: false,
        },
      ],
    });
  });

  it('may carry the key itself, which is never seen again', () => {
    const reading = of({ value: 'a-made-up-key' });
    expect(reading).toMatchObject({
      reports: [{ credential: { by: 'value', value: new SecretValue('a-made-up-key') } }],
    });
    expect(JSON.stringify(reading)).not.toContain('a-made-up-key');
    const [report] = 'reports' in reading ? reading.reports : [];
    expect(report?.credential.by === 'value' && report.credential.value.reveal()).toBe('a-made-up-key');
  });

  it('may say more', () => {
    const more = {
      severity: 'high',
      reason: 'found in a wiki',
      detected_at: '2026-11-21T10:00:00+01:00',
      leaked_at: '2026-11-20T00:00:00.5Z',
      evidence_url: 'https://wiki.example/page',
      reporter: 'somebody',
      dry_run: true,
    };
    expect(of({ id: KEY_ID }, more)).toMatchObject({
      reports: [
        {
          detectedAtMs: Date.UTC(2026, 10, 21, 9),
          leakedAtMs: Date.UTC(2026, 10, 20, 0, 0, 0, 500),
          reason: 'found in a wiki',
          evidenceUrl: 'https://wiki.example/page',
          dryRun: true,
        },
      ],
    });
  });

  it('of another type is ignored, whatever its data is', () => {
    for (const body of [{ type: 'key.rotated', data: { credential: 7 } }, { type: '' }]) {
      expect(readIncident(body, 'msg_1')).toEqual({ ignored: 'unknown_event' });
    }
  });

  it.each<[unknown, string]>([
    [null, '(body)'],
    [[], '(body)'],
    [{}, 'type'],
    [{ type: 7 }, 'type'],
    [{ type: 'key.compromised' }, 'data'],
    [{ type: 'key.compromised', data: {} }, 'data.credential'],
    [{ type: 'key.compromised', data: { credential: 'zqvalue' } }, 'data.credential'],
    [{ type: 'key.compromised', data: { credential: { id: KEY_ID }, dryRun: true } }, 'data'],
    [{ type: 'key.compromised', data: { credential: { id: KEY_ID }, zqvalue: 1 } }, 'data'],
    [JSON.parse('{"type":"key.compromised","data":{"credential":{"id":"x"},"__proto__":1}}'), 'data'],
  ])('that is malformed is refused: %j', (body, path) => {
    const fault = faultOf(() => readIncident(body, 'msg_1'));
    expect(fault).toMatch(new RegExp(`^${path.replaceAll(/[().]/g, '\\$&')}: `));
    expect(fault).not.toContain('zqvalue');
  });

  it.each<[object, string]>([
    [{}, 'data.credential: needs exactly one of id, crn, value'],
    [{ kind: 'iam_api_key' }, 'data.credential: needs exactly one of'],
    [{ id: 'zqvalue', name: 'zqvalue' }, 'data.credential: needs exactly one of'],
    [{ zqvalue: 'zqvalue' }, 'data.credential: has a field that is not known here'],
    [{ id: 'zqvalue zqvalue' }, 'data.credential.id: must have no blanks'],
    [{ id: '' }, 'data.credential.id: '],
    [{ crn: 'zqvalue' }, 'data.credential.crn: must begin with crn:v1:'],
    [{ value: 'zqvalue' }, 'data.credential.value: '],
    [{ value: 'zqvalue'.repeat(1_000) }, 'data.credential.value: '],
    [{ value: { zqvalue: 'zqvalue' } }, 'data.credential.value: '],
    [{ service_id: 'zqvalue' }, 'data.credential.service_id: must begin with ServiceId-'],
    [{ sha256: 'zqvalue' }, 'data.credential.sha256: must be 64 hexadecimal digits'],
    [{ hmsl: HASH.slice(1) }, 'data.credential.hmsl: must be 64 hexadecimal digits'],
  ])('must name one key, and no fault repeats what was sent: %j', (credential, beginning) => {
    const fault = faultOf(() => of(credential));
    expect(fault.startsWith(beginning)).toBe(true);
    expect(fault).not.toContain('zqvalue');
  });

  it.each(['detected_at', 'leaked_at'])('must have a readable %s', (field) => {
    for (const time of [
      'yesterday',
      '2026-11-21',
      '2026-11-21T10:00:00',
      '2026-02-30T10:00:00Z',
      1_800_000_000,
      null,
    ]) {
      expect(faultOf(() => of({ id: KEY_ID }, { [field]: time }))).toMatch(new RegExp(`^data.${field}: `));
    }
  });

  it('must name an https address as evidence', () => {
    for (const url of [
      'http://wiki.example',
      'javascript:alert(1)',
      'wiki',
      `https://x.example/${'x'.repeat(1_000)}`,
    ]) {
      expect(faultOf(() => of({ id: KEY_ID }, { evidence_url: url }))).toMatch(/^data\.evidence_url: /);
    }
  });
});

describe('an alert of GitHub', () => {
  const body = (changes: { alert?: object; repository?: object; action?: unknown } = {}) => ({
    action: changes.action ?? 'created',
    alert: {
      number: 42,
      created_at: '2026-11-21T10:00:00Z',
      url: 'https://evil.example/alert',
      html_url: 'https://github.com/acme/app/security/secret-scanning/42',
      secret_type: 'ibm_cloud_iam_key',
      validity: 'unknown',
      ...changes.alert,
    },
    repository: { full_name: 'acme/app', private: true, ...changes.repository },
  });
  const read = (value: unknown, event = 'secret_scanning_alert', custom: string[] = []) =>
    readGithubAlert(value, requestOf(github(value, { event })), custom);

  it('names where the key is to be had', () => {
    expect(read(body())).toEqual({
      alert: {
        repository: 'acme/app',
        number: 42,
        report: {
          sender: 'github',
          deliveryId: 'delivery-1',
          detectedAtMs: Date.UTC(2026, 10, 21, 10),
          leakedAtMs: null,
          reason: 'Secret scanning alert 42 of acme/app: created.',
          evidenceUrl: 'https://github.com/acme/app/security/secret-scanning/42',
          dryRun: false,
        },
      },
    });
  });

  it.each(['created', 'reopened', 'publicly_leaked'])('that was %s is acted on', (action) => {
    expect(read(body({ action }))).toHaveProperty('alert.number', 42);
  });

  it('that was validated is acted on where the key works', () => {
    expect(read(body({ action: 'validated', alert: { validity: 'active' } }))).toHaveProperty('alert');
    for (const validity of ['inactive', 'unknown', null, 7]) {
      expect(read(body({ action: 'validated', alert: { validity } }))).toEqual({ ignored: 'unknown_action' });
    }
  });

  it.each(['resolved', 'assigned', 'unassigned', 'metadata_created', 'metadata_removed', 'something_new'])(
    'that was %s is ignored',
    (action) => {
      expect(read({ action })).toEqual({ ignored: 'unknown_action' });
    },
  );

  it('of another kind is ignored, and so is a ping', () => {
    expect(read({ zen: 'x' }, 'ping')).toEqual({ ignored: 'ping' });
    expect(read({}, 'push')).toEqual({ ignored: 'unknown_event' });
    expect(read(body(), 'secret_scanning_alert_location')).toEqual({ ignored: 'unknown_event' });
  });

  it('is acted on for the patterns that find keys of IBM Cloud, and for no others', () => {
    const typed = body({ alert: { secret_type: 'acme_ibm_key' } });
    expect(read(typed)).toEqual({ ignored: 'other_secret_type' });
    expect(read(typed, 'secret_scanning_alert', ['acme_ibm_key'])).toHaveProperty('alert');
    expect(read(body({ alert: { secret_type: 'ibm_softlayer_api_key' } }))).toHaveProperty('alert');
  });

  it('has no times and addresses but readable ones', () => {
    const odd = body({ alert: { created_at: 'yesterday', html_url: 'javascript:alert(1)' } });
    expect(read(odd)).toMatchObject({ alert: { report: { detectedAtMs: null, evidenceUrl: null } } });
    expect(read(body({ alert: { created_at: undefined, html_url: undefined } }))).toMatchObject({
      alert: { report: { detectedAtMs: null, evidenceUrl: null } },
    });
  });

  it.each([
    'acme',
    'acme/app/other',
    '../app',
    'acme/..',
    './app',
    'acme/.',
    'acme/a b',
    'acme/app?x',
    '',
    'acme/app\n',
    '/app',
  ])('must have a repository that fits into a path: not %j', (name) => {
    expect(faultOf(() => read(body({ repository: { full_name: name } })))).toMatch(/^repository\.full_name: /);
  });

  it.each([0, -1, 1.5, '42', null, 2 ** 53])('must have a number: not %j', (number) => {
    expect(faultOf(() => read(body({ alert: { number } })))).toMatch(/^alert\.number: /);
  });
});

describe('a delivery of GitGuardian', () => {
  const body = (action: unknown, incident: object = {}) => ({
    source: 'GitGuardian',
    action,
    incident: {
      id: 1,
      date: '2026-11-21T10:00:00.123456Z',
      detector: { name: 'ibm_cloud_key', display_name: 'IBM Cloud Key' },
      hmsl_hash: HASH,
      gitguardian_url: 'https://dashboard.gitguardian.com/incidents/1',
      secret_revoked: false,
      ...incident,
    },
  });
  const read = (value: unknown) => readGitguardianIncident(value, requestOf(gitguardian(value)));

  it('names the key by its hash', () => {
    expect(read(body('incident_triggered'))).toEqual({
      reports: [
        {
          sender: 'gitguardian',
          deliveryId: expect.stringMatching(/^sha256-[0-9a-f]{64}$/) as string,
          credential: { by: 'hmsl', hash: HASH.toLowerCase() },
          detectedAtMs: Date.UTC(2026, 10, 21, 10, 0, 0, 123),
          leakedAtMs: null,
          reason: 'GitGuardian found IBM Cloud Key.',
          evidenceUrl: 'https://dashboard.gitguardian.com/incidents/1',
          dryRun: false,
        },
      ],
    });
  });

  it('has the same id on every repeat, and another for another body', () => {
    const idOf = (value: unknown) => {
      const reading = read(value);
      return 'reports' in reading ? reading.reports[0]?.deliveryId : undefined;
    };
    expect(idOf(body('incident_triggered'))).toBe(idOf(body('incident_triggered')));
    expect(idOf(body('incident_triggered'))).not.toBe(idOf(body('incident_reopened')));
  });

  it.each([
    'incident_triggered',
    'incident_reopened',
    'incident_regression',
    'new_occurrence',
    'occurrence_created',
    'incident_validity_changed',
    'Incident Reopened',
  ])('is acted on: %s', (action) => {
    expect(read(body(action))).toHaveProperty('reports');
  });

  it.each(['incident_resolved', 'incident_ignored', 'incident_assigned', 'incident_severity_changed', 'test', ''])(
    'is ignored: %j',
    (action) => {
      expect(read({ action })).toEqual({ ignored: 'unknown_action' });
    },
  );

  it('is ignored where the key was found to be dead', () => {
    for (const dead of [{ secret_revoked: true }, { validity: 'invalid' }]) {
      expect(read(body('incident_validity_changed', dead))).toEqual({ ignored: 'unknown_action' });
    }
    expect(read(body('incident_validity_changed', { validity: 'valid' }))).toHaveProperty('reports');
  });

  it('is ignored without a hash that can be one', () => {
    for (const hash of [null, undefined, '', 'x', 7]) {
      expect(read(body('incident_triggered', { hmsl_hash: hash }))).toEqual({ ignored: 'no_key_named' });
    }
  });

  it('has nothing else that must be there', () => {
    expect(read({ action: 'incident_triggered', incident: { hmsl_hash: HASH } })).toMatchObject({
      reports: [{ detectedAtMs: null, evidenceUrl: null, reason: 'GitGuardian found a secret.' }],
    });
    expect(faultOf(() => read({ action: 'incident_triggered' }))).toMatch(/^incident: /);
    expect(faultOf(() => read({}))).toMatch(/^action: /);
  });
});

describe('an event', () => {
  const event = (type: string, data?: unknown, more: object = {}) => ({
    specversion: '1.0',
    id: 'event-1',
    source: 'crn:v1:x',
    type,
    time: '2026-11-21T10:00:00Z',
    data,
    ...more,
  });
  const ALERT = 'com.ibm.cloud.logs.Alert:AlertTriggered';

  it('in our own format is a report', () => {
    const data = { credential: { sha256: HASH }, detected_at: '2026-11-20T10:00:00Z' };
    for (const type of ['key.compromised', 'com.acme.key.compromised']) {
      expect(readEventReport(event(type, data))).toMatchObject({
        reports: [
          {
            sender: 'event-notifications',
            deliveryId: `crn:v1:x|event-1|${type}`,
            credential: { by: 'sha256', hash: HASH.toLowerCase() },
            detectedAtMs: Date.UTC(2026, 10, 20, 10),
          },
        ],
      });
    }
  });

  it('in our own format never carries a value, and has no other faults', () => {
    const withValue = event('key.compromised', { credential: { value: 'zqvalue-zqvalue' } });
    expect(faultOf(() => readEventReport(withValue))).toBe(
      'data.credential.value: is not taken here: Event Notifications keeps what it carries',
    );
    expect(faultOf(() => readEventReport(event('key.compromised')))).toMatch(/^data: /);
    expect(faultOf(() => readEventReport(event('key.compromised', { credential: {} })))).toMatch(/^data\.credential: /);
  });

  it.each<[string, object]>([
    [
      'a label in a list',
      {
        alert_definition: {
          meta_labels: [
            { key: 'x', value: 'y' },
            { key: 'keyrota_key_id', value: KEY_ID },
          ],
        },
      },
    ],
    ['a label in an object', { alert_definition: { meta_labels: { keyrota_key_id: KEY_ID } } }],
    [
      'a label, whatever the example says',
      { alert_definition: { meta_labels: { keyrota_key_id: KEY_ID } }, log_example: OTHER_KEY_ID },
    ],
    ['an example', { log_example: { target: { id: `crn:v1:x::apikey:${KEY_ID}` } } }],
    ['an example with the id twice', { log_example: [{ a: [KEY_ID] }, { b: KEY_ID }] }],
    ['an example that was cut', { log_example: `{"target":{"id":"${KEY_ID}","na`, log_example_truncated: true }],
    ['an example, where labels are odd', { alert_definition: { meta_labels: 7 }, log_example: KEY_ID }],
  ])('of Cloud Logs names a key by %s', (_, data) => {
    expect(readEventReport(event(ALERT, data))).toMatchObject({
      reports: [
        {
          sender: 'event-notifications',
          credential: { by: 'id', id: KEY_ID },
          detectedAtMs: Date.UTC(2026, 10, 21, 10),
        },
      ],
    });
  });

  it('of Cloud Logs may name a key by its CRN, and where a person finds more', () => {
    const data = {
      alert_definition: { name: 'leak', meta_labels: { keyrota_key_id: `crn:v1:x::apikey:${KEY_ID}` } },
      links: { view_alert: 'https://cloud.ibm.com/logs' },
    };
    expect(readEventReport(event(ALERT, data))).toMatchObject({
      reports: [
        {
          credential: { by: 'crn' },
          reason: 'Alert "leak".',
          evidenceUrl: 'https://cloud.ibm.com/logs',
          leakedAtMs: null,
        },
      ],
    });
  });

  it('of Cloud Logs may have labels that are no texts', () => {
    for (const odd of [{ toString: null }, [], 7, null]) {
      for (const labels of [
        { keyrota_key_id: odd, other: odd },
        [
          { key: odd, value: odd },
          { key: 'keyrota_key_id', value: odd },
        ],
      ]) {
        const data = { alert_definition: { meta_labels: labels } };
        expect(readEventReport(event(ALERT, data))).toEqual({ ignored: 'no_key_named' });
      }
    }
  });

  it('of Cloud Logs that names none, or several, is ignored', () => {
    for (const data of [undefined, null, {}, { log_example: 'ApiKey-1' }, { alert_definition: null }, []]) {
      expect(readEventReport(event(ALERT, data))).toEqual({ ignored: 'no_key_named' });
    }
    const several = { log_example: { initiator: { id: KEY_ID }, target: { id: OTHER_KEY_ID } } };
    expect(readEventReport(event(ALERT, several))).toEqual({ ignored: 'several_keys_named' });
  });

  it('of Cloud Logs may be as deep as it likes', () => {
    const deep = JSON.parse(`${'['.repeat(30_000)}"${KEY_ID}"${']'.repeat(30_000)}`) as unknown;
    expect(readEventReport(event(ALERT, { log_example: deep }))).toMatchObject({
      reports: [{ credential: { id: KEY_ID } }],
    });
  });

  it.each([
    ['com.ibm.cloud.logs.Alert:AlertResolved', 'unknown_event'],
    ['com.ibm.cloud.secrets-manager.secret_deleted', 'unknown_event'],
    ['com.ibm.cloud.secrets-manager.test_event', 'test_event'],
    ['com.ibm.cloud.logs.Alert:test_event', 'test_event'],
    ['test_event', 'test_event'],
    ['my-key.compromised.not', 'unknown_event'],
  ])('of type %s is ignored', (type, reason) => {
    expect(readEventReport(event(type, { log_example: KEY_ID }))).toEqual({ ignored: reason });
  });

  it('without a readable time tells none', () => {
    const read = readEventReport(event(ALERT, { log_example: KEY_ID }, { time: 'now' }));
    expect(read).toMatchObject({ reports: [{ detectedAtMs: null }] });
  });

  it.each(['id', 'source', 'type'])('must have a field %s', (field) => {
    for (const value of [undefined, '', 7]) {
      expect(faultOf(() => readEventReport(event('x', {}, { [field]: value })))).toMatch(new RegExp(`^${field}: `));
    }
  });
});

describe('the id of a delivery', () => {
  const idOf = (reading: ReturnType<typeof readIncident>) =>
    'reports' in reading ? reading.reports[0]?.deliveryId : undefined;
  const long = 'x'.repeat(9_500);
  const data = { credential: { id: KEY_ID } };

  it('is kept as its hash where it is too long for what is written down, by every sender', () => {
    const event = { id: long, source: 'crn:v1:x', type: 'key.compromised', data };
    const alert = { number: 42, secret_type: 'ibm_cloud_iam_key' };
    const body = { action: 'created', alert, repository: { full_name: 'acme/app' } };
    const { headers, ...delivery } = github(body);
    const told = requestOf({ ...delivery, headers: { ...headers, 'X-GitHub-Delivery': long } });
    const read = readGithubAlert(body, told, []);
    const ids = [
      idOf(readIncident({ type: 'key.compromised', data }, long)),
      idOf(readEventReport(event)),
      'alert' in read ? read.alert.report.deliveryId : '',
    ];
    for (const id of ids) expect(id).toMatch(/^sha256-[0-9a-f]{64}$/);
    expect(idOf(readEventReport(event))).toBe(ids[1]);
    expect(idOf(readEventReport({ ...event, id: `${long}y` }))).not.toBe(ids[1]);
  });
});
