// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Between Beast's messages and UpdateHandler's. Includes Beast: for few sources.

#pragma once

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <ctime>
#include <utility>  // Asio 1.74 lacks it

#include "control/dyndns/update_handler.h"

namespace simplon::control {

// Of a request only the header is read.
using HttpRequestParser = boost::beast::http::request_parser<boost::beast::http::empty_body>;
using HttpResponse = boost::beast::http::response<boost::beast::http::string_body>;

inline constexpr uint32_t kMaxHttpHeader = 8192;

// Refuses larger headers. Before anything is parsed.
void set_limits(HttpRequestParser& parser);

// The header must be there.
HttpRequest to_request(const HttpRequestParser& parser, const Ipv6Address& source, bool tls);
// Whether the connection can be used for another request, as far as this one goes.
bool may_keep_alive(const HttpRequestParser& parser);

// `version`: of the request, 10 or 11.
HttpResponse to_response(const HttpReply& reply, unsigned version, bool keep_alive,
                         std::time_t now);

// For what does not parse; 400 or 431.
HttpReply refusal_of(const boost::system::error_code& error);

}  // namespace simplon::control
