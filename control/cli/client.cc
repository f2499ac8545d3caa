// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/client.h"

#include <google/protobuf/descriptor.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <charconv>
#include <stdexcept>
#include <utility>
#include <vector>

namespace simplon::cli {
namespace {

using google::protobuf::Message;

std::string normal_form(std::string server) {
  if (server.starts_with('/') || server.starts_with('.')) return "unix:" + server;
  return server;
}

std::shared_ptr<grpc::Channel> open_channel(const std::string& server) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);  // a whole configuration is about 100 MB
  arguments.SetMaxSendMessageSize(-1);
  // An http_proxy of the environment is not meant for this.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // For --watch across a restart of control.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  return grpc::CreateCustomChannel(server, grpc::InsecureChannelCredentials(), arguments);
}

// "/simplon.v1.TunnelService/GetTunnel", after a check that the messages are that method's.
std::string path_of(const char* method, const Message& request, const Message& response) {
  const auto* const descriptor =
      google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(
          std::string("simplon.v1.") + method);
  if (descriptor == nullptr || descriptor->input_type() != request.GetDescriptor() ||
      descriptor->output_type() != response.GetDescriptor())
    throw std::logic_error(std::string("no such method: ") + method);
  return "/" + descriptor->service()->full_name() + "/" + descriptor->name();
}

grpc::ByteBuffer to_buffer(const Message& message) {
  const grpc::Slice slice(message.SerializeAsString());
  return {&slice, 1};
}

bool from_buffer(const grpc::ByteBuffer& buffer, Message& message) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return false;
  std::string bytes;
  bytes.reserve(buffer.Length());
  for (const grpc::Slice& slice : slices)
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return message.ParseFromString(bytes);
}

CallError to_error(const grpc::Status& status) {
  return {static_cast<int>(status.error_code()), status.error_message(), status.error_details()};
}

CallError not_understood() {
  return {static_cast<int>(grpc::StatusCode::INTERNAL), "the server's answer is not understood",
          ""};
}

PublishNote read_note(const grpc::ClientContext& context) {
  PublishNote note;
  for (const auto& [key, value] : context.GetServerTrailingMetadata()) {
    const std::string text(value.data(), value.size());
    if (key == "simplon-revision")
      std::from_chars(text.data(), text.data() + text.size(), note.revision);
    if (key == "simplon-publish-state") note.state = text;
    if (key == "simplon-publish-message") note.message = text;
  }
  return note;
}

}  // namespace

struct Client::Connection {
  explicit Connection(const std::string& server) : stub(open_channel(server)) {}
  grpc::GenericStub stub;
};

Client::Client(const std::string& server, std::chrono::milliseconds timeout)
    : server_(normal_form(server)), timeout_(timeout) {}
Client::~Client() = default;

void Client::fail(const CallError& error) const {
  throw to_failure(error, server_);
}

void Client::call(const char* method, const Message& request, Message& response) {
  if (!connection_) connection_ = std::make_unique<Connection>(server_);
  note_ = {};
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + timeout_);
  grpc::CompletionQueue queue;
  const auto rpc = connection_->stub.PrepareUnaryCall(&context, path_of(method, request, response),
                                                      to_buffer(request), &queue);
  grpc::ByteBuffer answer;
  grpc::Status status;
  rpc->StartCall();
  rpc->Finish(&answer, &status, &status);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  if (!status.ok()) fail(to_error(status));
  if (!from_buffer(answer, response)) fail(not_understood());
  note_ = read_note(context);
}

void Client::stream(const char* method, const Message& request, Message& response,
                    const std::function<bool()>& take, const std::function<bool()>& stop) {
  if (!connection_) connection_ = std::make_unique<Connection>(server_);
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  const auto rpc =
      connection_->stub.PrepareCall(&context, path_of(method, request, response), &queue);
  bool cancelled = false;
  // Waits for the one operation under way; false where the stream has ended.
  const auto wait = [&] {
    for (;;) {
      void* tag = nullptr;
      bool ok = false;
      const auto soon = std::chrono::system_clock::now() + std::chrono::milliseconds(100);
      if (queue.AsyncNext(&tag, &ok, soon) == grpc::CompletionQueue::GOT_EVENT) return ok;
      if (!cancelled && stop()) {
        cancelled = true;
        context.TryCancel();
      }
    }
  };
  void* const tag = &context;
  rpc->StartCall(tag);
  bool open = wait();
  if (open) {
    rpc->WriteLast(to_buffer(request), {}, tag);
    open = wait();
  }
  bool understood = true;
  while (open) {
    grpc::ByteBuffer answer;
    rpc->Read(&answer, tag);
    open = wait();
    if (!open || cancelled) break;
    understood = from_buffer(answer, response);
    if (!understood || !take()) {
      cancelled = true;
      context.TryCancel();
      break;
    }
  }
  grpc::Status status;
  rpc->Finish(&status, tag);
  wait();
  if (!understood) fail(not_understood());
  if (!status.ok() && !cancelled) fail(to_error(status));
}

}  // namespace simplon::cli
