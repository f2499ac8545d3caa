// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/dyndns/http_message.h"

#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <string>

namespace simplon::control {
namespace {

namespace http = boost::beast::http;

// Beast's own string_view differs between the versions of Boost.
template <typename View>
std::string to_string(const View& text) {
  return {text.data(), text.size()};
}

}  // namespace

void set_limits(HttpRequestParser& parser) {
  parser.header_limit(kMaxHttpHeader);
  // No limit: bodies are not read. (Of "none" Boost 1.74 takes any length for too much.)
  parser.body_limit(std::numeric_limits<uint64_t>::max());
}

HttpRequest to_request(const HttpRequestParser& parser, const Ipv6Address& source, bool tls) {
  const auto& message = parser.get();
  HttpRequest request;
  request.method = to_string(message.method_string());
  request.target = to_string(message.target());
  const auto authorization = message.find(http::field::authorization);
  if (authorization != message.end()) request.authorization = to_string(authorization->value());
  request.has_body = parser.chunked() || parser.content_length().value_or(0) > 0;
  request.source = source;
  request.tls = tls;
  return request;
}

bool may_keep_alive(const HttpRequestParser& parser) {
  return parser.is_done() && parser.keep_alive();
}

HttpResponse to_response(const HttpReply& reply, unsigned version, bool keep_alive,
                         std::time_t now) {
  HttpResponse response(static_cast<http::status>(reply.status), version);
  response.set(http::field::server, "Simplon");
  response.set(http::field::date, fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(now)));
  response.set(http::field::content_type, "text/plain; charset=us-ascii");
  response.set(http::field::cache_control, "no-store");
  if (reply.retry) response.set(http::field::retry_after, std::to_string(reply.retry->count()));
  if (reply.authenticate) {
    response.set(http::field::www_authenticate, "Basic realm=\"tunnel endpoint\"");
  }
  if (reply.get_only) response.set(http::field::allow, "GET");
  response.keep_alive(keep_alive);
  response.body() = reply.body;
  response.prepare_payload();
  return response;
}

HttpReply refusal_of(const boost::system::error_code& error) {
  const bool too_long = error == http::error::header_limit || error == http::error::buffer_overflow;
  HttpReply reply;
  reply.status = too_long ? 431 : 400;
  reply.body = too_long ? "the header is too long\n" : "this is not a request\n";
  return reply;
}

}  // namespace simplon::control
