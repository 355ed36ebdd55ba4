"""The table behind the error-code catalogue.

Codes and names as in the service's public error-code reference (edition of January 2026); a row reads
`code name | meaning | fix | security reading`, continued on indented lines; `@request` and `@retry` stand for the two
commonest fixes.
"""

from __future__ import annotations

REQUEST = "Correct the request; the message in the event names the part that is wrong."
RETRY = (
    "Nothing to do if it passes: the device SDKs retry. If it stays, look at Resource Health and open a support case."
)

TABLE = """\
400000 GenericBadRequest | The request was refused as not valid. | @request
400001 InvalidProtocolVersion | The client speaks a version of the protocol that the hub does not. | Update the device
    SDK.
400002 DeviceInvalidResultCount | The number of results asked for is out of range. | @request
400003 InvalidOperation | The operation is not allowed in this state. | @request
400004 ArgumentInvalid | A value in the request is not valid. | @request
400005 ArgumentNull | A value that is required is missing from the request. | @request
400006 IotHubFormatError | The request or a value in it has the wrong format. | @request
400007 DeviceStorageEntitySerializationError | A stored value could not be read back. | @retry
400008 BlobContainerValidationError | The storage container for import or export could not be used. | Check the
    container's address and that its SAS allows read, write and delete. | A container SAS that is too wide holds the
    whole registry, keys included.
400009 ImportWarningExistsError | An import finished with warnings. | Read the import's error log in the container.
400010 InvalidSchemaVersion | The schema version of the request is unknown. | @request
400011 DeviceDefinedMultipleTimes | A bulk request names the same device more than once. | @request
400012 DeserializationError | The request's body could not be read. | @request
400013 BulkRegistryOperationFailure | Some devices of a bulk request were refused. | Read the per-device errors in the
    answer; the others went through.
400014 DefaultStorageEndpointNotConfigured | File upload needs a storage account that the hub does not have. |
    Configure the hub's storage endpoint.
400015 InvalidFileUploadCorrelationId | A file upload was reported under an unknown id. | @request
400016 ExpiredFileUploadCorrelationId | A file upload took longer than its SAS is valid. | Upload again, or lengthen
    the upload SAS.
400017 InvalidStorageEndpoint | The hub's storage endpoint cannot be used. | Check the storage account and its access.
400018 InvalidMessagingEndpoint | A messaging endpoint of the hub cannot be used. | Check the routing endpoint.
400019 InvalidFileUploadCompletionStatus | A file upload was reported with an unknown status. | @request
400020 InvalidStorageEndpointOrBlob | The storage endpoint or the blob cannot be used. | Check the storage account.
400021 RequestCanceled | The request was given up before it was answered. | @retry
400022 InvalidStorageEndpointProperty | A property of the storage endpoint is wrong. | Check the storage endpoint.
400023 EtagDoesNotMatch | Somebody changed the object since it was read. | Read it again and repeat the change.
400024 RequestTimedOut | The hub could not answer in time. | @retry
400025 UnsupportedOperationOnReplica | The operation is not possible on this replica. | @retry
400026 NullMessage | An empty message was sent. | Correct the device's software.
400027 ConnectionForcefullyClosedOnNewConnection | A second client connected with the same identity; the hub keeps one
    connection per device and closed the older one. | Give each client an identity of its own. If one device does it
    alone, its software opens a second connection. | Two places using one credential: a cloned device or a leaked key.
    Compare the masked addresses; rotate the key.
400028 InvalidDeviceScope | The device's scope (its edge parent) is not valid. | Correct the device scope.
400029 ConnectionForcefullyClosedOnFaultInjection | The connection was closed while the service was upgraded. | @retry
400030 ConnectionRejectedOnFaultInjection | The connection was refused while the service was upgraded. | @retry
400031 InvalidEndpointAuthenticationType | A routing endpoint has an unsupported way to authenticate. | Correct the
    endpoint.
400032 ManagedIdentityNotEnabled | The hub's managed identity is needed and not enabled. | Enable the identity.
400035 InvalidPolicyKey | A shared access policy's key has the wrong form. | Keys are base64 of 32 bytes: generate a
    new one.
400036 BulkRegenerateDeviceKeyOperationFailure | Keys of several devices could not be regenerated. | Read the
    per-device errors in the answer.
400059 RequestBodyValidationFailed | The hub's description is incomplete or contradicts itself. | Send networkRuleSets
    whole: defaultAction, applyToBuiltInEventHubEndpoint and ipRules.
400100 InvalidRouteTestInput | A route test was sent with wrong input. | @request
400101 InvalidSourceOnRoute | A route names an unknown source. | Correct the route.
400102 RoutingNotEnabled | Message routing is not enabled. | Enable routing.
400103 InvalidContentEncodingOrType | A message's content type or encoding cannot be routed on. | Let the device send
    application/json and utf-8.
400207 CustomAllocationFailed | Provisioning: the custom allocation function failed (number not confirmed by the
    reference). | Check the function that the enrollment names.
400301 CannotRegisterModuleToModule | A module cannot be registered below a module. | @request
400302 TenantHubRoutingNotEnabled | Routing between tenants is not enabled. | @request
400401 InvalidConfigurationTargetCondition | A device configuration's target condition is not valid. | @request
400402 InvalidConfigurationContent | A device configuration's content is not valid. | @request
400403 CannotModifyImmutableConfigurationContent | A configuration's content cannot be changed. | Create a new
    configuration.
400404 InvalidConfigurationCustomMetricsQuery | A configuration's metrics query is not valid. | @request
400501 InvalidPnPInterfaceDefinition | A Plug and Play interface is not valid. | @request
400502 InvalidPnPDesiredProperties | Plug and Play desired properties are not valid. | @request
400503 InvalidPnPReportedProperties | Plug and Play reported properties are not valid. | @request
400504 InvalidPnPWritableReportedProperties | Plug and Play writable properties are not valid. | @request
400505 InvalidDigitalTwinJsonPatch | A digital twin patch is not valid JSON patch. | @request
400506 InvalidDigitalTwinPayload | A digital twin's payload is not valid. | @request
400507 InvalidDigitalTwinPatch | A digital twin patch is not valid. | @request
400508 InvalidDigitalTwinPatchPath | A digital twin patch names a wrong path. | @request
401000 GenericUnauthorized | The credential was refused. | Check the credential. | Guessing credentials looks like
    this.
401001 IotHubNotFound | There is no hub of that name here. | Check the hub's name and region.
401002 IotHubUnauthorizedAccess | The caller's policy or role does not allow the call. | Check the policy's rights, or
    assign the IoT Hub Data role. | A policy key used for more than it is meant for. IP rules and disabled public
    access answer like this too.
401003 IoTHubUnauthorized | The hub refused the credential: token expired (routine over MQTT), wrong key, unknown
    device, thumbprint mismatch, expired certificate, missing role, or a clock more than 5 minutes off. | If the
    device reconnects within minutes it was a renewal. Else renew the token, check key, certificate dates and
    thumbprint, the policy's rights, and the device's clock (NTP). | Many devices of one masked range at once, right
    after a network change: IP rules, which the hub never names. One device without pause: a wrong or stolen key being
    tried.
401004 ElasticPoolNotFound | The pool the hub belongs to was not found. | Check the hub's name and region.
401100 SystemModuleModifyUnauthorizedAccess | A system module ($edgeAgent, $edgeHub) must not be changed like this. |
    Deploy through the edge configuration. | Somebody tries to change what an edge device runs.
403000 GenericForbidden | The request is forbidden. | Check rights, quota and tier.
403001 IotHubSuspended | The hub is suspended. | Look at the subscription's billing state.
403002 IotHubQuotaExceeded | The hub's daily message quota is used up; calls to the registry fail too. | Add units, or
    wait for midnight UTC. | A flood from one device can use up the quota of all: look for the loudest sender.
403003 JobQuotaExceeded | Another import or export job is running. | Wait until it has ended. | An export job holds
    every device key: know who started it.
403004 DeviceMaximumQueueDepthExceeded | 50 cloud-to-device messages wait for this device. | Let the device complete
    them, or purge the queue.
403005 IotHubMaxCbsTokenExceeded | Too many tokens on one AMQP connection. | Use fewer devices per connection.
403006 DeviceMaximumActiveFileUploadLimitExceeded | More than 10 file uploads of the device are open. | Report
    finished uploads to the hub.
403007 DeviceMaximumQueueSizeExceeded | The device's cloud-to-device queue is full by size. | Let the device complete
    messages, or purge the queue.
403008 RoutingEndpointResponseForbidden | A routing endpoint refused the hub. | Check the endpoint's access.
403009 InvalidMessageExpiryTime | A message's expiry time is not valid. | @request
403010 OperationNotAvailableInCurrentTier | The hub's tier does not offer the operation. | Move from Basic to
    Standard.
403011 KeyEncryptionKeyRevoked | The customer-managed key that encrypts the hub cannot be used. | Restore the Key
    Vault key and the hub's access to it. | Revoking the key is also how a hub is shut on purpose: ask who did it.
403012 DeviceDisabled | The device identity is disabled. | Enable it, or leave it blocked if that was on purpose. | A
    blocked device that keeps trying is still powered and still holds its credential.
403100 DeviceModelMaxPropertiesExceeded | A device model has too many properties. | @request
403101 DeviceModelMaxIndexablePropertiesExceeded | A device model has too many indexed properties. | @request
403800 DeviceMaximumInflightMethodExceeded | Too many direct methods wait for the device. | Wait for answers before
    calling again.
404000 GenericNotFound | What was asked for does not exist. | Check the id.
404001 DeviceNotFound | The device is not registered (or, for messages to it, is disabled). | Register it, or check
    its provisioning. | Unknown ids in a row: somebody tries names, or devices of another hub.
404002 JobNotFound | There is no such job; jobs are kept 30 days. | Check the job id.
404004 QuotaMetricNotFound | A quota metric does not exist. | @request
404005 SystemPropertyNotFound | A system property does not exist. | @request
404006 AmqpAddressNotFound | An AMQP address does not exist. | Check the client's address.
404007 RoutingEndpointResponseNotFound | A routing endpoint does not answer. | Check that the endpoint still exists.
404008 CertificateNotFound | There is no such certificate at the hub. | Check its name.
404009 ElasticPoolTenantHubNotFound | The hub was not found in its pool. | Check the hub's name and region.
404010 ModuleNotFound | The module is not registered. | Register the module.
404011 AzureTableStoreNotFound | A table behind a routing endpoint is missing. | Check the endpoint.
404012 IotHubFailingOver | The hub is failing over to its paired region. | Wait: minutes to a few hours.
404013 FeatureNotSupported | The hub does not support the feature. | Check tier and region.
404014 DigitalTwinInterfaceNotFound | A digital twin interface does not exist. | Check its id.
404101 QueryStoreClusterNotFound | The query index is not available. | @retry
404102 DeviceNotOnline | The device is not connected (the reference prints this number beside 404103). | See 404103.
404103 DeviceNotOnline | The device is not connected, or has not registered a method handler. | Check the connection;
    let the device register its handler.
404104 DeviceConnectionClosedRemotely | The connection ended without a goodbye: token renewal, network loss, a crash,
    or the hub closed it. | If it reconnects at once it was a renewal or a short loss. Else check the network path and
    the keep-alive; update the SDK. | Many devices of one range at the same minute, and silence after: their network
    or the hub's IP rules.
404201 EnrollmentNotFound | Provisioning: no enrollment fits the registration id and its credential. | Check the
    enrollment; a disabled individual enrollment blocks a device of a group. | Unknown registration ids in a row:
    somebody tries names.
404202 RegistrationNotFound | Provisioning: the device has not registered. | Let the device register.
404204 ProvisioningNotFound | Provisioning: what was asked for does not exist. | Check the id.
404301 ConfigurationNotFound | A device configuration does not exist. | Check its id.
404302 GroupNotFound | A group does not exist. | Check its id.
404401 DigitalTwinModelNotFound | A digital twin model does not exist. | Check its id.
404402 InterfaceNameModelNotFound | An interface model does not exist. | Check its id.
405000 GenericMethodNotAllowed | The HTTP method is not allowed here. | @request
405102 OperationNotAllowedInCurrentState | The operation is not allowed in the present state. | Check the state of
    device or job.
405103 ImportDevicesNotSupported | Import is not supported here. | @request
405104 BulkAddDevicesNotSupported | Bulk creation is not supported here. | @request
409000 GenericConflict | The operation collides with another. | Read again and repeat.
409001 DeviceAlreadyExists | A device of this id exists. | Choose another id, or update the existing one.
409002 LinkCreationConflict | A second link was opened for the same device, mostly after a drop. | Look for the error
    before it; give each client an identity of its own. | Like 400027: possibly one credential used in two places.
409003 CallbackSubscriptionConflict | Two subscriptions collide. | Use one client per identity.
409101 ModelAlreadyExists | A model of this name exists. | Choose another name.
409102 DeviceLocked | The device is locked by another operation. | @retry
409103 DeviceJobAlreadyExists | A job for this device exists. | Wait until it has ended.
409104 JobAlreadyExists | A job of this id exists. | Choose another id.
409301 ModuleAlreadyExistsOnDevice | The device has a module of this name. | Choose another name.
409401 ConfigurationAlreadyExists | A configuration of this id exists. | Choose another id.
409402 ApplyConfigurationAlreadyInProgressOnDevice | A configuration is being applied to the device. | Wait until it
    is done.
409501 DigitalTwinModelAlreadyExists | A digital twin model of this id exists. | Choose another id.
409502 DigitalTwinModelExistsWithOtherModelType | A digital twin model of this id has another type. | Choose another
    id.
409503 InterfaceNameModelAlreadyExists | An interface model of this name exists. | Choose another name.
412000 GenericPreconditionFailed | A precondition failed. | Read again and repeat.
412001 PreconditionFailed | The object changed since it was read (ETag). | Read it again and repeat the change.
412002 DeviceMessageLockLost | A cloud-to-device message was completed after its lock (60 s) ran out. | Complete
    messages sooner.
412003 JobRunPreconditionFailed | The job cannot run in this state. | Check the job.
412004 InflightMessagesInLink | Messages are still under way on the link. | @retry
413000 GenericRequestEntityTooLarge | The request is too large. | Send less at once.
413001 MessageTooLarge | A message is over 256 KB (cloud to device: 64 KB). | Send smaller messages.
413002 TooManyDevices | More than 100 devices in one bulk request, or the hub is full. | Send fewer.
413003 TooManyModulesOnDevice | The device has 50 modules already. | Remove one.
413101 ConfigurationCountLimitExceeded | The hub holds 100 configurations already. | Remove one.
413201 DigitalTwinModelCountLimitExceeded | Too many digital twin models. | Remove one.
413202 InterfaceNameCompressionModelCountLimitExceeded | Too many interface models. | Remove one.
415000 GenericUnsupportedMediaType | The content type of the request is not supported. | @request
415101 IncompatibleDataType | A value has the wrong type. | @request
429000 GenericTooManyRequests | A limit was exceeded. | Slow down, or add units. Wait about 10 seconds before trying
    again.
429001 ThrottlingException | The hub's limit for this operation was exceeded. | Spread the load, or add units. Wait
    about 10 seconds before trying again. | A reconnect storm after a lock-out, or one device in a loop: look who is
    loudest.
429002 ThrottleBacklogLimitExceeded | The queue of waiting operations is full. | Spread the load, or add units.
429003 ThrottlingBacklogTimeout | The operation waited too long in the throttled queue. | Spread the load, or add
    units. Wait about 10 seconds before trying again.
429004 ThrottlingMaxActiveJobCountExceeded | Too many jobs are running. | Wait until some have ended.
429005 DeviceThrottlingLimitExceeded | One device exceeded its own limit. | Slow the device down. | A single loud
    device: faulty, or misused.
499000 ClientClosedRequest | The client went away before the answer. | Check the client's time-outs.
500001 ServerError | The service failed. | @retry
500008 GenericTimeout | The service did not answer in time. | @retry
500301 ModelRepoEndpointError | The model repository does not answer. | @retry
500302 ResolutionError | A model could not be resolved. | @retry
500401 UnableToFetchCredentials | The hub's managed identity got no token. | Check the hub's identity and its role on
    the endpoint.
500402 UnableToFetchTenantInfo | The hub could not read its tenant. | @retry
500403 UnableToShareIdentity | The hub's identity could not be used. | @retry
500501 UnableToExpandDiscoveryInfo | The service failed on Plug and Play data. | @retry
500502 UnableToExpandComponentInfo | The service failed on Plug and Play data. | @retry
500503 UnableToCompressComponentInfo | The service failed on Plug and Play data. | @retry
500504 UnableToCompressDiscoveryInfo | The service failed on Plug and Play data. | @retry
500505 OrphanDiscoveryDocument | The service failed on Plug and Play data. | @retry
502000 GenericBadGateway | A gateway of the service failed. | @retry
503000 GenericServiceUnavailable | The service is not available at the moment. | @retry
503001 ServiceUnavailable | The service is not available at the moment. | @retry
503004 IotHubActivationFailed | The hub could not be activated. | Look at Resource Health; open a support case.
503005 ServerBusy | The service is busy. | @retry
503006 IotHubRestoring | The hub is being restored. | Wait until it is done.
503008 ReceiveLinkOpensThrottled | Too many receive links are opened. | Open fewer links, or wait.
"""

FAMILIES: dict[str, tuple[str, str]] = {
    "400": ("The request was refused as not valid.", REQUEST),
    "401": ("The credential was refused.", "Check key, token, certificate, role and network rules."),
    "403": ("The operation is not allowed at the moment.", "Look at quota, tier and the identity's state."),
    "404": ("Something was not found or not connected.", "Check the identity and the connection."),
    "409": ("The operation collides with another.", "Look for a second client with the same identity."),
    "412": ("The object changed since it was read.", "Read it again and repeat."),
    "413": ("Something is too large.", "Send less at once."),
    "429": ("A limit was exceeded.", "Slow down, or add units."),
    "500": ("The service failed.", RETRY),
    "503": ("The service is not available.", RETRY),
}
