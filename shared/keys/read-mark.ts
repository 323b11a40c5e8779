/**
 * Field of `version_custom_metadata`, beside our record: when Keyrota read a value that is for consumers, ISO. Reading makes
 * Secrets Manager say that the version was downloaded; with this mark that is no evidence that consumers fetched it.
 */
export const READ_MARK = 'keyrota_read_at';
