import { Cron } from 'croner';
import { describe, expect, it } from 'vitest';
import { EVENTS } from '../support/webhook-requests.ts';
import type { Value } from './support/functions.ts';
import { QUIET_SECRETS, crn, plan, settingsOf } from './support/inputs.ts';
import type { Plan } from './support/plan.ts';

describe('timers', () => {
  const MINUTES = [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60];
  const timersIn = (planned: Plan) => {
    const [timers] = planned.of('terraform_data');
    const { timers: lines = '' } = (timers?.values['input'] ?? {}) as { timers?: string };
    return lines.split('\n').map((line) => line.split('|'));
  };

  it.each(MINUTES)('of Code Engine call rotate-keys every %d minutes, as Keyrota is told', (minutes) => {
    const planned = plan({ timer_minutes: minutes, prefix: 'team-a' });
    const [, rotate = []] = timersIn(planned);
    expect(rotate.slice(0, 2)).toEqual(['team-a-rotate-keys-timer', 'team-a-rotate-keys']);
    const runs = new Cron(rotate[2] ?? '', { timezone: 'UTC' }).nextRuns(3, new Date('2026-01-01T00:30:30Z'));
    const gaps = runs.slice(1).map((run, at) => run.getTime() - (runs[at]?.getTime() ?? 0));
    expect(gaps).toEqual([minutes * 60_000, minutes * 60_000]);
    expect(settingsOf(planned).get('rotate-keys')?.timerMs).toBe(minutes * 60_000);
  });

  it('of Code Engine call check-expiry once a day', () => {
    const [check = []] = timersIn(plan());
    expect(check.slice(0, 2)).toEqual(['check-expiry-timer', 'check-expiry']);
    const [first, second] = new Cron(check[2] ?? '', { timezone: 'UTC' }).nextRuns(2, new Date('2026-01-01T00:00:00Z'));
    expect((second?.getTime() ?? 0) - (first?.getTime() ?? 0)).toBe(86_400_000);
  });

  it.each(MINUTES)('of Event Notifications speak its dialect, every %d minutes', (minutes) => {
    const planned = plan({ rotate_timer: 'event-notifications', timer_minutes: minutes, secrets: QUIET_SECRETS });
    const [topic] = planned.of('ibm_en_topic');
    type Source = { id: string; rules: { event_schedule_filter: { expression: string }[] }[] };
    const [source] = (topic?.values['sources'] ?? []) as Source[];
    expect(source?.id).toBe('periodic');
    const expression = source?.rules[0]?.event_schedule_filter[0]?.expression ?? '';
    // Minutes, hours, days 1-31, months 0-11, weekdays 1-7; `?` stands for any day.
    expect(expression).toMatch(/^(\*|0|\*\/\d+) \* \* \* \?$/);
    const ofCodeEngine = timersIn(plan({ timer_minutes: minutes }))[1]?.[2];
    expect(expression.replace('?', '*')).toBe(ofCodeEngine);
  });

  it('of Event Notifications call what answers in time, with the secret header', () => {
    const planned = plan({ rotate_timer: 'event-notifications', check_timer: 'none', secrets: QUIET_SECRETS });
    const [destination, ...more] = planned.of('ibm_en_destination_webhook');
    expect(more).toEqual([]);
    expect(destination?.values['config']).toEqual([
      {
        params: [
          {
            verb: 'POST',
            url: 'https://handle-secret-event.sub.eu-de.codeengine.appdomain.cloud/timer',
            custom_headers: { Authorization: `Bearer ${EVENTS[0]}` },
            sensitive_headers: ['Authorization'],
          },
        ],
      },
    ]);
    expect(planned.of('terraform_data')).toEqual([]);
  });

  it.each<[string, Record<string, Value>, RegExp]>([
    ['minutes that do not divide an hour', { timer_minutes: 7 }, /divide an hour/],
    ['another timer', { rotate_timer: 'cron' }, /code-engine, event-notifications or none/],
    ['a weekday 7', { check_schedule: '17 4 * * 7' }, /weekday 0-6/],
    ['a mark of the other dialect', { check_schedule: '17 4 * * ?' }, /weekday 0-6/],
    ['six fields', { check_schedule: '0 17 4 * * *' }, /five fields/],
  ])('are refused with %s', (_, inputs, why) => {
    expect(() => plan(inputs)).toThrow(why);
  });
});

describe('events', () => {
  const events = { enable_events: true, leak_event_sources: [crn('logs')], secrets: QUIET_SECRETS };

  it('are brought from Secrets Manager and Cloud Logs to the functions that take them', () => {
    const planned = plan(events);
    const urls = planned.of('ibm_en_destination_webhook').map(({ key, values }) => {
      const [{ params = [] } = {}] = values['config'] as { params?: { url: string }[] }[];
      return [key, params[0]?.url];
    });
    expect(urls).toEqual([
      ['changes', 'https://handle-secret-event.sub.eu-de.codeengine.appdomain.cloud'],
      ['leaks', 'https://respond-to-compromise.sub.eu-de.codeengine.appdomain.cloud/event-notifications'],
    ]);
    const topics = planned
      .of('ibm_en_topic')
      .map(({ values }) => (values['sources'] as { id: string }[]).map(({ id }) => id));
    expect(topics).toEqual([[expect.stringContaining(':secrets-manager:')], [crn('logs')]]);
    expect(planned.of('ibm_en_subscription_webhook')).toHaveLength(2);
    expect(planned.of('ibm_iam_authorization_policy').map(({ values }) => values['roles'])).toEqual([
      ['Event Source Manager'],
    ]);
  });

  it('make no instance where one is handed in, and none at all where nobody wants events', () => {
    const made = (inputs: Record<string, Value>) =>
      plan(inputs)
        .of('ibm_resource_instance')
        .map(({ values }) => values['service']);
    expect(made(events)).toEqual(['secrets-manager', 'event-notifications']);
    const existing = {
      existing_event_notifications_crn: crn('event-notifications'),
      existing_secrets_manager_crn: crn('secrets-manager'),
      existing_project_crn: crn('codeengine'),
    };
    const handedIn = plan({ ...events, ...existing });
    expect(handedIn.of('ibm_resource_instance')).toEqual([]);
    expect(handedIn.of('ibm_code_engine_project')).toEqual([]);
    expect(made({})).toEqual(['secrets-manager']);
    expect(plan({}).output('event_notifications_crn')).toBeNull();
  });

  it('are refused without the secret that proves them', () => {
    expect(() => plan({ enable_events: true }).instances).toThrow(/KEYROTA_EVENT_NOTIFICATIONS_SECRET/);
    const secrets = { KEYROTA_EVENT_NOTIFICATIONS_SECRET: EVENTS[0] };
    expect(() => plan({ rotate_timer: 'event-notifications', secrets }).instances).toThrow(/KEYROTA_TRIGGER_TOKEN/);
  });
});
