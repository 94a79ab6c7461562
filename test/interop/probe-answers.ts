/**
 * What RabbitMQ 3.10.8 answers to each case of the probe, as measured and shown by probe/shown.ts; and the few answers
 * in which busbar differs on purpose, each with its reason. The same list stands in the protocol's documentation.
 */

const LOCKED =
  "channel.close 405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'ex' in vhost '/'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration."

export const answers: Readonly<Record<string, string>> = {
  'hello AMQP 0-0-9-0': 'protocol header "AMQP\\u0000\\u0000\\t\\u0001"',
  'hello AMQP 1-1-8-0 (0-8)': 'connection.start 8.0',
  'hello garbage': 'protocol header "AMQP\\u0000\\u0000\\t\\u0001"',
  'hello GET / HTTP': 'protocol header "AMQP\\u0000\\u0000\\t\\u0001"',
  'start/tune':
    'mechanisms=AMQPLAIN PLAIN locales=en_US capabilities={"publisher_confirms":true,"exchange_exchange_bindings":true,"basic.nack":true,"consumer_cancel_notify":true,"connection.blocked":true,"consumer_priorities":true,"authentication_failure_close":true,"per_consumer_qos":true,"direct_reply_to":true} properties=capabilities cluster_name copyright information platform product version tune=2047,131072,60',
  'bad password, authentication_failure_close':
    'connection.close 403 ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile. [0,0]',
  'bad password, no capability': 'connection cut',
  'unknown mechanism': 'connection cut',
  'unknown vhost': 'connection.close 530 NOT_ALLOWED - vhost nope not found [10,40]',
  'tune-ok frame_max 1000 (<4096)': 'connection cut',
  'tune-ok frame_max 4096': 'connection.open-ok knownHosts=',
  'tune-ok frame_max 200000 (> server)': 'connection cut',
  'tune-ok frame_max 0 (no limit)': 'connection cut',
  'tune-ok channel_max 65535 (> server)': 'connection cut',
  'tune-ok channel_max 0': 'connection cut',
  '3rd channel with channel_max=2':
    'connection.close 530 NOT_ALLOWED - number of channels opened (2) has reached the negotiated channel_max (2) [0,0]',
  'channel number 5 with channel_max=2': 'channel.open-ok channelId=',
  'method on unopened channel': "connection.close 504 CHANNEL_ERROR - expected 'channel.open' [50,10]",
  'second channel.open': "connection.close 504 CHANNEL_ERROR - second 'channel.open' seen [20,10]",
  'heartbeat on channel 1': 'connection.close 505 UNEXPECTED_FRAME - type 8, all octets = <<>> [0,0]',
  'unknown class 99 method 1': 'connection cut',
  'basic unknown method 250': 'connection cut',
  'bad frame-end octet':
    'connection.close 501 FRAME_ERROR - type 1, all octets = <<0,50,0,10>>: {invalid_frame_end_marker,205} [0,0]',
  'unknown frame type 77': 'connection.close 501 FRAME_ERROR - type 77, all octets = <<"a">>: unknown_frame [0,0]',
  'body frame without method':
    'connection.close 505 UNEXPECTED_FRAME - expected method frame, got non method frame instead [0,0]',
  'method while header expected':
    'connection.close 505 UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead [60,40]',
  'body longer than header size': 'channel.open-ok channelId=',
  'frame larger than frame_max':
    'connection.close 501 FRAME_ERROR - type 3, all octets = <<>>: {frame_too_large,9000,4088} [0,0]',
  'payload = frame_max exactly (8 bytes over: tolerated?)':
    'queue.declare-ok queue=amq.gen-* messageCount=0 consumerCount=0',
  'truncated queue.declare args': 'connection.close 501 FRAME_ERROR - cannot decode <<>> [50,10]',
  'connection.open twice': 'connection.close 504 CHANNEL_ERROR - unexpected method in connection state running [10,40]',
  'passive declare missing queue': "channel.close 404 NOT_FOUND - no queue 'nope' in vhost '/' [50,10]",
  'declare amq.foo': "channel.close 403 ACCESS_REFUSED - queue name 'amq.foo' contains reserved prefix 'amq.*' [50,10]",
  'declare "" server-named, exclusive': 'queue.declare-ok queue=amq.gen-* messageCount=0 consumerCount=0',
  'declare "" non-exclusive autodelete': 'queue.declare-ok queue=amq.gen-* messageCount=0 consumerCount=0',
  'redeclare durable mismatch':
    "channel.close 406 PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'm1' in vhost '/': received 'false' but current is 'true' [50,10]",
  'redeclare auto_delete mismatch':
    "channel.close 406 PRECONDITION_FAILED - inequivalent arg 'auto_delete' for queue 'm2' in vhost '/': received 'true' but current is 'false' [50,10]",
  'redeclare exclusive mismatch (same conn)':
    "channel.close 405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'm3' in vhost '/'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration. [50,10]",
  'redeclare x-message-ttl mismatch':
    "channel.close 406 PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'm4' in vhost '/': received '2000' but current is '1000' [50,10]",
  'redeclare x-message-ttl absent':
    "channel.close 406 PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'm5' in vhost '/': received none but current is the value '1000' of type 'signedint' [50,10]",
  'redeclare x-message-ttl absent (short)':
    "channel.close 406 PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'm5s' in vhost '/': received none but current is the value '1000' of type 'short' [50,10]",
  'redeclare unknown x-foo arg differs': 'queue.declare-ok queue=m6 messageCount=0 consumerCount=0',
  'x-message-ttl string':
    "channel.close 406 PRECONDITION_FAILED - invalid arg 'x-message-ttl' for queue 'm7' in vhost '/': \"expected integer, got longstr\" [50,10]",
  'x-message-ttl -1':
    "channel.close 406 PRECONDITION_FAILED - invalid arg 'x-message-ttl' for queue 'm8' in vhost '/': {value_negative,-1} [50,10]",
  'x-expires 0':
    "channel.close 406 PRECONDITION_FAILED - invalid arg 'x-expires' for queue 'm9' in vhost '/': {value_zero,0} [50,10]",
  'x-max-length -1':
    "channel.close 406 PRECONDITION_FAILED - invalid arg 'x-max-length' for queue 'm10' in vhost '/': {value_negative,-1} [50,10]",
  'x-max-priority 256':
    "channel.close 406 PRECONDITION_FAILED - invalid arg 'x-max-priority' for queue 'm11' in vhost '/': {max_value_exceeded,256} [50,10]",
  'x-overflow bogus':
    "channel.close 406 PRECONDITION_FAILED - invalid arg 'x-overflow' for queue 'm12' in vhost '/': invalid_overflow [50,10]",
  'x-dead-letter-routing-key without DLX':
    "channel.close 406 PRECONDITION_FAILED - invalid arg 'x-dead-letter-routing-key' for queue 'm13' in vhost '/': routing_key_but_no_dlx_defined [50,10]",
  'x-queue-type bogus':
    "channel.close 406 PRECONDITION_FAILED - invalid arg 'x-queue-type' for queue 'm14' in vhost '/': \"unsupported queue type 'bogus'\" [50,10]",
  'quorum non-durable':
    "channel.close 406 PRECONDITION_FAILED - invalid property 'non-durable' for queue 'm15' in vhost '/' [50,10]",
  'quorum exclusive':
    "channel.close 406 PRECONDITION_FAILED - invalid property 'exclusive-owner' for queue 'm16' in vhost '/' [50,10]",
  'stream + auto-delete':
    "channel.close 406 PRECONDITION_FAILED - invalid property 'auto-delete' for queue 'm17' in vhost '/' [50,10]",
  'quorum with x-max-priority':
    "channel.close 406 PRECONDITION_FAILED - invalid arg 'x-max-priority' for queue 'm18' in vhost '/' of queue type rabbit_quorum_queue [50,10]",
  'stream basic.get':
    "connection.close 540 NOT_IMPLEMENTED - basic.get not supported by stream queues queue 'st1' in vhost '/' [60,70]",
  'stream consume without prefetch':
    "channel.close 406 PRECONDITION_FAILED - consumer prefetch count is not set for 'queue 'st2' in vhost '/'' [60,20]",
  'stream consume no_ack':
    "connection.close 540 NOT_IMPLEMENTED - automatic acknowledgement not supported by stream queues queue 'st3' in vhost '/' [60,20]",
  'stream purge':
    "connection.close 540 NOT_IMPLEMENTED - queue.purge not supported by stream queues queue 'st4' in vhost '/' [50,30]",
  'stream consume bad x-stream-offset': 'connection.close 541 INTERNAL_ERROR [0,0]',
  'quorum: qos global then consume':
    "connection.close 540 NOT_IMPLEMENTED - queue 'qq' in vhost '/' does not support global qos [60,20]",
  'exclusive queue from another connection (7 methods)': ['50,10', '50,10', '60,20', '60,70', '50,30', '50,40', '50,20']
    .map((method) => `${LOCKED} [${method}]`)
    .join(' ; '),
  'queue.delete missing': 'queue.delete-ok messageCount=0',
  'queue.purge missing': "channel.close 404 NOT_FOUND - no queue 'nope' in vhost '/' [50,30]",
  'queue.bind missing queue': "channel.close 404 NOT_FOUND - no queue 'nope' in vhost '/' [50,20]",
  'queue.bind missing exchange': "channel.close 404 NOT_FOUND - no exchange 'nope' in vhost '/' [50,20]",
  'queue.bind to default exchange':
    'channel.close 403 ACCESS_REFUSED - operation not permitted on the default exchange [50,20]',
  'queue.unbind missing binding': 'queue.unbind-ok',
  'queue.unbind missing exchange': 'queue.unbind-ok',
  'empty queue name, none declared': 'channel.close 404 NOT_FOUND - no previously declared queue [60,70]',
  'empty queue name uses last declared': 'basic.get-empty clusterId=',
  'queue.delete if_unused with consumer':
    "channel.close 406 PRECONDITION_FAILED - queue 'du' in vhost '/' in use [50,40]",
  'queue.delete if_empty non-empty':
    "channel.close 406 PRECONDITION_FAILED - queue 'de' in vhost '/' not empty [50,40]",
  'queue.delete with consumer (consumer_cancel_notify)':
    'queue.delete-ok messageCount=0 ; basic.cancel consumerTag=ct nowait=true',
  'declare exchange amq.foo':
    "channel.close 403 ACCESS_REFUSED - exchange name 'amq.foo' contains reserved prefix 'amq.*' [40,10]",
  'declare existing amq.direct durable': 'exchange.declare-ok',
  'redeclare amq.direct as topic':
    "channel.close 406 PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'amq.direct' in vhost '/': received 'topic' but current is 'direct' [40,10]",
  'passive missing exchange': "channel.close 404 NOT_FOUND - no exchange 'nope' in vhost '/' [40,10]",
  'unknown exchange type': "connection.close 503 COMMAND_INVALID - unknown exchange type 'bogus' [40,10]",
  'declare default exchange':
    'channel.close 403 ACCESS_REFUSED - operation not permitted on the default exchange [40,10]',
  'passive default exchange':
    'channel.close 403 ACCESS_REFUSED - operation not permitted on the default exchange [40,10]',
  'delete default exchange':
    'channel.close 403 ACCESS_REFUSED - operation not permitted on the default exchange [40,20]',
  'delete amq.direct':
    "channel.close 403 ACCESS_REFUSED - deletion of system exchange 'amq.direct' in vhost '/' not allowed [40,20]",
  'delete missing exchange': 'exchange.delete-ok',
  'redeclare exchange type differs':
    "channel.close 406 PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'x2' in vhost '/': received 'topic' but current is 'direct' [40,10]",
  'redeclare exchange durable differs':
    "channel.close 406 PRECONDITION_FAILED - inequivalent arg 'durable' for exchange 'x3' in vhost '/': received 'true' but current is 'false' [40,10]",
  'redeclare alternate-exchange differs':
    "channel.close 406 PRECONDITION_FAILED - inequivalent arg 'alternate-exchange' for exchange 'x4' in vhost '/': received none but current is the value 'a' of type 'longstr' [40,10]",
  'delete exchange if_unused with binding':
    "channel.close 406 PRECONDITION_FAILED - exchange 'x5' in vhost '/' in use [40,20]",
  'headers bind bad x-match':
    'channel.close 406 PRECONDITION_FAILED - Invalid x-match field value <<"bogus">>; expected all, any, all-with-x, or any-with-x [50,20]',
  'exchange.bind missing source': "channel.close 404 NOT_FOUND - no exchange 'nope' in vhost '/' [40,30]",
  'publish to internal exchange':
    "channel.close 403 ACCESS_REFUSED - cannot publish to internal exchange 'xi' in vhost '/' [60,40]",
  'publish to missing exchange': "channel.close 404 NOT_FOUND - no exchange 'nope' in vhost '/' [60,40]",
  'publish immediate=true': 'connection.close 540 NOT_IMPLEMENTED - immediate=true [60,40]',
  'mandatory unroutable in confirm mode (order)':
    'basic.return replyCode=312 replyText=NO_ROUTE exchange= routingKey=nope ; header 1 bytes ; body "x" ; basic.ack deliveryTag=1 multiple=false',
  'unroutable non-mandatory in confirm mode': 'basic.ack deliveryTag=1 multiple=false',
  'user_id mismatch':
    "channel.close 406 PRECONDITION_FAILED - user_id property set to 'bob' but authenticated user was 'guest' [60,40]",
  'expiration not a number': "channel.close 406 PRECONDITION_FAILED - invalid expiration 'abc': no_integer [60,40]",
  'CC header not an array':
    'channel.close 406 PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,"CC",longstr} [60,40]',
  'publish reply_to direct without consumer':
    'channel.close 406 PRECONDITION_FAILED - fast reply consumer does not exist [60,40]',
  'expiration 0 without consumer': 'queue.declare-ok queue=e0 messageCount=0 consumerCount=0',
  'alternate exchange routes: mandatory not returned':
    'basic.ack deliveryTag=1 multiple=false ; queue.declare-ok queue=aeq messageCount=1 consumerCount=0',
  '4 matching topic bindings to one queue -> copies':
    'basic.ack deliveryTag=1 multiple=false ; queue.declare-ok queue=du2 messageCount=1 consumerCount=0',
  'reject-publish overflow in confirm mode':
    'basic.ack deliveryTag=1 multiple=false ; basic.nack deliveryTag=2 multiple=true requeue=true',
  'ack unknown tag': 'channel.close 406 PRECONDITION_FAILED - unknown delivery tag 5 [60,80]',
  'ack tag 0 multiple, none outstanding': 'queue.declare-ok queue=amq.gen-* messageCount=0 consumerCount=0',
  'reject unknown tag': 'channel.close 406 PRECONDITION_FAILED - unknown delivery tag 5 [60,90]',
  'double ack': 'channel.close 406 PRECONDITION_FAILED - unknown delivery tag 1 [60,80]',
  'ack tag 0 multiple=false': 'channel.close 406 PRECONDITION_FAILED - unknown delivery tag 0 [60,80]',
  'ack 2, then ack 2 multiple (1 outstanding), again':
    'channel.close 406 PRECONDITION_FAILED - unknown delivery tag 2 [60,80] ; reopen: channel.open-ok channelId=',
  'tx: mandatory return comes at commit, before commit-ok':
    'basic.qos-ok ; basic.return replyCode=312 replyText=NO_ROUTE exchange= routingKey=nope ; header 1 bytes ; body "x" ; tx.commit-ok',
  'tx: rolled-back ack stays unacked and can be acked':
    'queue.declare-ok queue=t2 messageCount=0 consumerCount=0 ; re-ack: tx.commit-ok',
  'qos prefetch_size=1': 'connection.close 540 NOT_IMPLEMENTED - prefetch_size!=0 (1) [60,10]',
  'recover requeue=false': 'connection.close 540 NOT_IMPLEMENTED - requeue=false [60,110]',
  'recover requeue=true': 'basic.recover-ok',
  'channel.flow active=false': 'connection.close 540 NOT_IMPLEMENTED - active=false [20,20]',
  'channel.flow active=true': 'channel.flow-ok active=true',
  'tx.commit without select': 'channel.close 406 PRECONDITION_FAILED - channel is not transactional [90,20]',
  'tx.rollback without select': 'channel.close 406 PRECONDITION_FAILED - channel is not transactional [90,30]',
  'tx.select after confirm.select':
    'channel.close 406 PRECONDITION_FAILED - cannot switch from confirm to tx mode [90,10]',
  'confirm.select after tx.select':
    'channel.close 406 PRECONDITION_FAILED - cannot switch from tx to confirm mode [85,10]',
  'confirm.select twice': 'confirm.select-ok',
  'access.request': 'access.request-ok ticket=1',
  'exclusive queue gone right after close-ok': "channel.close 404 NOT_FOUND - no queue 'xc' in vhost '/' [50,10]",
  'consume missing queue': "channel.close 404 NOT_FOUND - no queue 'nope' in vhost '/' [60,20]",
  'duplicate consumer tag': "connection.close 530 NOT_ALLOWED - attempt to reuse consumer tag 'tag' [60,20]",
  'exclusive consume when consumer exists':
    "channel.close 403 ACCESS_REFUSED - queue 'ec' in vhost '/' in exclusive use [60,20]",
  'consume when exclusive consumer exists':
    "channel.close 403 ACCESS_REFUSED - queue 'ed' in vhost '/' in exclusive use [60,20]",
  'cancel unknown tag': 'basic.cancel-ok consumerTag=nope',
  'direct reply-to consume no_ack=false':
    'channel.close 406 PRECONDITION_FAILED - reply consumer cannot acknowledge [60,20]',
  'direct reply-to consume twice': 'channel.close 406 PRECONDITION_FAILED - reply consumer already set [60,20]',
  'direct reply-to passive declare': 'queue.declare-ok queue=amq.rabbitmq.reply-to messageCount=0 consumerCount=1',
  'direct reply-to rewritten name':
    'basic.deliver consumerTag=b deliveryTag=1 redelivered=false exchange= routingKey=dr ; header 1 bytes replyTo=amq.rabbitmq.reply-to.*',
  'get 3, nack multiple requeue, get all':
    '0(left=3,tag=1) 1(left=2,tag=2) 2(left=1,tag=3) 0R(left=3,tag=4) 1R(left=2,tag=5) 2R(left=1,tag=6) 3(left=0,tag=7)',
  'dead letter headers':
    'basic.deliver consumerTag=ct deliveryTag=2 redelivered=false exchange= routingKey=dlt ; header 1 bytes headers={"a":1,"x-death":[{"count":1,"reason":"rejected","queue":"dl","time":"*","exchange":"","routing-keys":["dl"],"original-expiration":"5000"}],"x-first-death-exchange":"","x-first-death-queue":"dl","x-first-death-reason":"rejected"}',
  'all properties + header types round-trip':
    'basic.get-ok deliveryTag=1 redelivered=false exchange= routingKey=tp messageCount=0 ; header 0 bytes contentType=t/p contentEncoding=e headers={"i":1,"neg":-5,"big":1099511627776,"s":"str","b":true,"n":null,"l":[1,"a",{"x":1}],"f":1.5,"by":"bytes 7a7a"} deliveryMode=2 priority=3 correlationId=c replyTo=r expiration=600000 messageId=m timestamp=1700000000 type=ty userId=guest appId=ap clusterId=cl',
  'consume nowait: first frame is the delivery':
    'basic.deliver consumerTag=nwt deliveryTag=1 redelivered=false exchange= routingKey=nw',
  'headers: every RabbitMQ type letter round-trips bytewise': 'identical bytes',
  'headers: unknown type letter Z': 'connection.close 541 INTERNAL_ERROR [0,0]',
  'nowait passive declare of missing queue': "channel.close 404 NOT_FOUND - no queue 'nope' in vhost '/' [50,10]",
  'auto-delete queue after last cancel': "channel.close 404 NOT_FOUND - no queue 'ad' in vhost '/' [50,10]",
  'qos 1 global=false, 2 consumers on channel': '2 delivered, 3 left',
  'qos 1 global=true, 2 consumers on channel': '1 delivered, 4 left',
  'qos global=false after consume has no effect': '5 delivered, 0 left',
  'CC/BCC':
    'basic.get-ok deliveryTag=1 redelivered=false exchange= routingKey=cc1 messageCount=0 ; header 1 bytes headers={"CC":["cc2"]} ; body "x" ; basic.get-ok deliveryTag=2 redelivered=false exchange= routingKey=cc1 messageCount=0 ; header 1 bytes headers={"CC":["cc2"]} ; body "x"',
  'connection.close': 'connection.close-ok',
  'channel.close': 'channel.close-ok',
  'methods after server channel.close, then reopen':
    "queue.delete-ok messageCount=0 ; channel.close 404 NOT_FOUND - no queue 'nope' in vhost '/' [50,10] ; channel.open-ok channelId=",
}

type Difference = { readonly answer: string; readonly reason: string }

const OPENED = 'connection.open-ok knownHosts='
const NO_LIMIT = "zero means that the client sets no limit; the server's own then holds, as the specification has it"
const NO_SUCH_METHOD = 'the client is told what it did instead of finding itself cut off'

export const differences: Readonly<Record<string, Difference>> = {
  'hello AMQP 1-1-8-0 (0-8)': {
    answer: 'protocol header "AMQP\\u0000\\u0000\\t\\u0001"',
    reason: '0-8 is not spoken; no client in use asks for it',
  },
  'tune-ok frame_max 0 (no limit)': { answer: OPENED, reason: NO_LIMIT },
  'tune-ok channel_max 0': { answer: OPENED, reason: NO_LIMIT },
  'unknown class 99 method 1': {
    answer: 'connection.close 503 COMMAND_INVALID - unknown class 99 [99,1]',
    reason: NO_SUCH_METHOD,
  },
  'basic unknown method 250': {
    answer: 'connection.close 503 COMMAND_INVALID - unknown method 250 in class 60 [60,250]',
    reason: NO_SUCH_METHOD,
  },
  'body longer than header size': {
    answer:
      'connection.close 505 UNEXPECTED_FRAME - expected at most 2 more bytes of content body, got 6 instead [60,40]',
    reason: 'RabbitMQ waits for the end of a body that is over already, and the channel never answers again',
  },
  'unknown exchange type': {
    answer: "channel.close 406 PRECONDITION_FAILED - unknown exchange type 'bogus' [40,10]",
    reason: 'as RabbitMQ 4 answers: only the channel is lost, and clients of today test for it',
  },
  'quorum with x-max-priority': {
    answer: 'queue.declare-ok queue=m18 messageCount=0 consumerCount=0',
    reason: 'every queue here can have priorities, whatever it is called',
  },
  'quorum: qos global then consume': {
    answer: 'basic.consume-ok consumerTag=ct',
    reason: 'a shared limit works on every queue here',
  },
}
