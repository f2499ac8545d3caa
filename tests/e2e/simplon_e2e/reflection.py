# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""A gRPC client that knows nothing of Simplon: it learns the API by server reflection, as grpcurl does.

Needs python3-grpcio and python3-protobuf. Only the few messages of the reflection protocol itself
(grpc.reflection.v1alpha) are spelled out here.
"""

import os

# We start processes while channels are open, and those call exec at once.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "false"

import grpc  # noqa: E402
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory  # noqa: E402

SERVICE = "grpc.reflection.v1alpha.ServerReflection"
_TYPE = descriptor_pb2.FieldDescriptorProto


def _reflection_messages():
    """The request and response classes, from a hand-made descriptor."""
    package = "simplon_e2e.reflection"
    file = descriptor_pb2.FileDescriptorProto(
        name="simplon_e2e_reflection.proto", package=package, syntax="proto3"
    )

    def message(name, *fields):
        entry = file.message_type.add(name=name)
        for number, field, kind, repeated in fields:
            label = _TYPE.LABEL_REPEATED if repeated else _TYPE.LABEL_OPTIONAL
            added = entry.field.add(name=field, number=number, label=label)
            if isinstance(kind, str):
                added.type, added.type_name = _TYPE.TYPE_MESSAGE, f".{package}.{kind}"
            else:
                added.type = kind

    text, data = _TYPE.TYPE_STRING, _TYPE.TYPE_BYTES
    message("Request", (4, "file_containing_symbol", text, False), (7, "list_services", text, False))
    message("Service", (1, "name", text, False))
    message("Services", (1, "service", "Service", True))
    message("Files", (1, "file_descriptor_proto", data, True))
    message("Error", (1, "error_code", _TYPE.TYPE_INT32, False), (2, "error_message", text, False))
    message(
        "Response",
        (4, "files", "Files", False),
        (6, "services", "Services", False),
        (7, "error", "Error", False),
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return tuple(_message_class(pool, f"{package}.{name}") for name in ("Request", "Response"))


def _message_class(pool, name):
    descriptor = pool.FindMessageTypeByName(name)
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(pool).GetPrototype(descriptor)


class ReflectionClient:
    """Lists and calls whatever the server at `address` (e.g. unix:/run/x.sock) offers."""

    def __init__(self, address, options=()):
        self.channel = grpc.insecure_channel(address, options)
        self.pool = descriptor_pool.DescriptorPool()
        self._known_files = set()
        self._request, self._response = _reflection_messages()

    def close(self):
        self.channel.close()

    def services(self):
        reply = self._ask(list_services="*")
        return sorted(service.name for service in reply.services.service)

    def methods(self, service):
        return sorted(method.name for method in self._service(service).methods)

    def call(self, service, method, request=None, timeout=10):
        """Calls a unary method with a dict; returns the reply as a dict with proto field names."""
        stub, message = self._prepare(self.channel.unary_unary, service, method, request)
        return json_format.MessageToDict(
            stub(message, timeout=timeout),
            preserving_proto_field_name=True,
            including_default_value_fields=True,
            descriptor_pool=self.pool,
        )

    def stream(self, service, method, request=None):
        """The replies of a streaming method as messages, each read when it is asked for; `cancel()` ends it."""
        stub, message = self._prepare(self.channel.unary_stream, service, method, request)
        return stub(message)

    def _prepare(self, kind, service, method, request):
        """What calls the method, and the request as its message."""
        descriptor = self._service(service).methods_by_name[method]
        request_class = _message_class(self.pool, descriptor.input_type.full_name)
        reply_class = _message_class(self.pool, descriptor.output_type.full_name)
        stub = kind(
            f"/{service}/{method}",
            request_serializer=request_class.SerializeToString,
            response_deserializer=reply_class.FromString,
        )
        return stub, json_format.ParseDict(request or {}, request_class(), descriptor_pool=self.pool)

    def _ask(self, **request):
        stream = self.channel.stream_stream(
            f"/{SERVICE}/ServerReflectionInfo",
            request_serializer=self._request.SerializeToString,
            response_deserializer=self._response.FromString,
        )
        reply = next(iter(stream(iter([self._request(**request)]), timeout=10)))
        if reply.error.error_code:
            raise LookupError(reply.error.error_message)
        return reply

    def _service(self, name):
        try:
            return self.pool.FindServiceByName(name)
        except KeyError:
            self._learn(name)
            return self.pool.FindServiceByName(name)

    def _learn(self, symbol):
        """Adds the file that defines the symbol, and all it imports, dependencies first."""
        files = {}
        for data in self._ask(file_containing_symbol=symbol).files.file_descriptor_proto:
            file = descriptor_pb2.FileDescriptorProto.FromString(data)
            files[file.name] = file

        def add(name):
            if name in self._known_files or name not in files:
                return
            for dependency in files[name].dependency:
                add(dependency)
            self.pool.Add(files[name])
            self._known_files.add(name)

        for name in files:
            add(name)
