import type { StrictRoutes } from '../strict-routes.ts';
import type { Desk } from './desk.ts';
import { bodyOf } from './desk.ts';
import { invalid, notFound, parse } from './errors.ts';
import type { Registration } from './events.ts';
import type { ExpiryWatch } from './expiry-watch.ts';
import { RegistrationPrototype } from './schemas.ts';

const API = '/api/v2/notifications/registration';

/** NotificationsRegistration of the API; it tells no more. */
const view = ({ instanceCrn }: Registration) => ({ event_notifications_instance_crn: instanceCrn });

/** The connection with Event Notifications, at most one an instance. */
export function notificationRoutes(routes: StrictRoutes, desk: Desk, watch: ExpiryWatch): void {
  const { events, parts } = desk;

  const registered = (): Registration => {
    if (!events.registration) throw notFound('registration with Event Notifications');
    return events.registration;
  };

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#create-notifications-registration
  routes.add('POST', API, async (context) => {
    const given = await bodyOf(context, 'application/json');
    desk.demand(context, 'notifications-registration.create');
    const body = parse(RegistrationPrototype, given);
    const instanceCrn = body.event_notifications_instance_crn;
    if (!instanceCrn.includes(`:a/${parts.account.id}:`)) {
      throw invalid('event_notifications_instance_crn', 'is an instance of another account');
    }
    const registration = {
      instanceCrn,
      sourceName: body.event_notifications_source_name,
      sourceDescription: body.event_notifications_source_description,
    };
    // What is due by now happened before there was anybody to tell.
    desk.store.all();
    events.registration = registration;
    watch.start();
    return context.json(view(registration), 201);
  });

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#get-notifications-registration
  routes.add('GET', API, (context) => {
    desk.demand(context, 'notifications-registration.read');
    return context.json(view(registered()));
  });

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#delete-notifications-registration
  routes.add('DELETE', API, (context) => {
    desk.demand(context, 'notifications-registration.delete');
    registered();
    events.registration = null;
    watch.stop();
    return context.body(null, 204);
  });

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#get-notifications-registration-test
  routes.add('GET', `${API}/test`, (context) => {
    desk.demand(context, 'notifications-registration.test');
    events.sendTest(registered());
    return context.body(null, 200);
  });
}
