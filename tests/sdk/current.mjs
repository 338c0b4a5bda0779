// The current posthog-node against a running server: HOST TOKEN. Exits non-zero when a call fails.
import { PostHog } from 'posthog-node'

const [host, token] = process.argv.slice(2)
const client = new PostHog(token, { host, flushAt: 2 })
const errors = []
client.on('error', (error) => errors.push(error))
const timestamp = new Date('2024-05-01T10:00:00Z')
client.capture({ distinctId: 'node-anon', event: 'node signed up', timestamp, properties: { plan: 'free' } })
client.identify({ distinctId: 'node-user', properties: { $anon_distinct_id: 'node-anon', $set: { email: 'node@x.example' } } })
client.capture({ distinctId: 'node-user', event: 'node signed up', timestamp, properties: { plan: 'pro' }, groups: { company: 'acme' } })
client.groupIdentify({ groupType: 'company', groupKey: 'acme', properties: { city: 'Oslo' } })
const flag = await client.isFeatureEnabled('no-such-flag', 'node-user')
if (flag) throw new Error(`a flag that does not exist is ${flag}`)
await client.shutdown()
if (errors.length) throw errors[0]
console.log('ok')
