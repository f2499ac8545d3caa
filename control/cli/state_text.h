// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <string>

#include "control/cli/render_table.h"
#include "simplon/v1/state_service.pb.h"
#include "simplon/v1/watch_service.pb.h"

// What becomes of tunnels at run time, as people read it.
namespace simplon::cli {

// "198.51.100.3", "198.51.100.3:4711", "[2001:db8::3]:4711"; empty: not known.
std::string endpoint_text(const v1::Endpoint& endpoint);
// "AYIYA", "protocol 41"; empty: not known.
std::string transport_text(v1::Transport transport);
// "4000 s ahead", "12 s behind", "right" (of a clock, beside ours).
std::string offset_text(const google::protobuf::Duration& offset);
// "3600 s forward", "0.5 s back".
std::string step_text(const google::protobuf::Duration& step);
// "up", "down", "disabled".
std::string state_word(const v1::TunnelState& state);
// "client-clock": as --reason takes it.
std::string reason_word(v1::TunnelState::ReasonCode code);
// "T5" of "tunnels/T5".
std::string short_name(const std::string& name);

// One screen about one tunnel; `now`: for "ago".
std::string state_text(const v1::TunnelState& state, const google::protobuf::Timestamp& now);

// "T5 moved from 198.51.100.3:4711 to 203.0.113.9:4711 (AYIYA)".
std::string tunnel_event_text(const v1::WatchResponse::TunnelEvent& event);

// The clock of this machine.
google::protobuf::Timestamp time_now();

}  // namespace simplon::cli
