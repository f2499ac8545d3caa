// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// From the status of a call to exit codes and lines on standard error; files of the command line.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>

#include "control/cli/call_error.h"
#include "control/cli/files.h"
#include "control/cli/session.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "simplon/v1/tunnel_service.pb.h"
#include "tests/support/catch.h"

namespace simplon::cli {
namespace {

using Lines = std::vector<std::string>;

std::string details(const google::protobuf::Message& detail) {
  google::rpc::Status status;
  status.add_details()->PackFrom(detail);
  return status.SerializeAsString();
}

google::rpc::ErrorInfo info(const char* reason) {
  google::rpc::ErrorInfo info;
  info.set_reason(reason);
  info.set_domain("simplon");
  return info;
}

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Failure& failure) {
    return failure.lines.front();
  }
  return "";
}

class TemporaryFolder {
 public:
  TemporaryFolder() { REQUIRE(mkdtemp(path_) != nullptr); }
  ~TemporaryFolder() { CHECK(rmdir(path_) == 0); }
  std::string file(const char* name) const { return std::string(path_) + "/" + name; }

 private:
  char path_[32] = "/tmp/simplon-cli-XXXXXX";
};

}  // namespace

TEST_CASE("gRPC codes become the exit codes scripts rely on") {
  const ExitCode expected[] = {
      ExitCode::kOk,           // OK
      ExitCode::kError,        // CANCELLED
      ExitCode::kError,        // UNKNOWN
      ExitCode::kError,        // INVALID_ARGUMENT
      ExitCode::kUnavailable,  // DEADLINE_EXCEEDED
      ExitCode::kNotFound,     // NOT_FOUND
      ExitCode::kConflict,     // ALREADY_EXISTS
      ExitCode::kError,        // PERMISSION_DENIED
      ExitCode::kError,        // RESOURCE_EXHAUSTED
      ExitCode::kConflict,     // FAILED_PRECONDITION
      ExitCode::kConflict,     // ABORTED
      ExitCode::kError,        // OUT_OF_RANGE
      ExitCode::kError,        // UNIMPLEMENTED
      ExitCode::kError,        // INTERNAL
      ExitCode::kUnavailable,  // UNAVAILABLE
      ExitCode::kError,        // DATA_LOSS
      ExitCode::kError,        // UNAUTHENTICATED
  };
  for (int code = 0; code < 17; ++code) {
    INFO(code);
    CHECK(exit_code(code) == expected[code]);
  }
}

TEST_CASE("each refused field becomes a line with field and reason") {
  google::rpc::BadRequest bad;
  auto& mtu = *bad.add_field_violations();
  mtu.set_field("tunnel.mtu");
  mtu.set_description("1500 is outside 1280..1480");
  mtu.set_reason("MTU_OUT_OF_RANGE");
  auto& remote = *bad.add_field_violations();
  remote.set_field("tunnel.remote");
  remote.set_description("must be given");
  const Failure failure = to_failure({3, "tunnel.mtu: ... (and 1 more)", details(bad)}, "unix:/x");
  CHECK(failure.code == ExitCode::kError);
  CHECK(failure.lines == Lines{"tunnel.mtu: 1500 is outside 1280..1480 [MTU_OUT_OF_RANGE]",
                               "tunnel.remote: must be given"});
}

TEST_CASE("an error without fields is the server's message and its reason") {
  const Failure failure = to_failure({5, "no tunnel T9", details(info("TUNNEL_NOT_FOUND"))}, "");
  CHECK(failure.code == ExitCode::kNotFound);
  CHECK(failure.lines == Lines{"no tunnel T9 [TUNNEL_NOT_FOUND]"});
  CHECK(to_failure({10, "etag differs", ""}, "").lines == Lines{"etag differs"});
}

TEST_CASE("a revision out of range is a thing not found, a number out of range is an error") {
  CHECK(to_failure({11, "x", details(info("REVISION_NOT_FOUND"))}, "").code == ExitCode::kNotFound);
  CHECK(to_failure({11, "x", details(info("BAD_PAGE_TOKEN"))}, "").code == ExitCode::kError);
}

TEST_CASE("details that are no google.rpc.Status leave the message") {
  CHECK(to_failure({3, "bad", "\xff\xff garbage"}, "").lines == Lines{"bad"});
  CHECK(decode_details("").fields.empty());
}

TEST_CASE("a server that cannot be reached is named, with the cause and what to do") {
  const Failure failure =
      to_failure({14, "failed to connect to all addresses", ""}, "unix:/nonexistent/simplon.sock");
  CHECK(failure.code == ExitCode::kUnavailable);
  CHECK(failure.lines.front() ==
        "cannot reach simplon-control at unix:/nonexistent/simplon.sock: No such file or "
        "directory; is simplon-control running? (--server or SIMPLON_SERVER names another)");
  const Failure tcp = to_failure({14, "bla; last error: Connection refused", ""}, "[::1]:9");
  CHECK(tcp.lines.front().starts_with(
      "cannot reach simplon-control at [::1]:9: Connection refused; "));
  const std::string too_long = "unix:/" + std::string(200, 'x');
  CHECK(to_failure({14, "", ""}, too_long).lines.front().find("File name too long") !=
        std::string::npos);
}

TEST_CASE("a server that says it is unavailable is believed") {
  const Failure failure =
      to_failure({14, "no dataplane is connected", details(info("NO_DATAPLANE"))}, "unix:/x");
  CHECK(failure.code == ExitCode::kUnavailable);
  CHECK(failure.lines == Lines{"no dataplane is connected [NO_DATAPLANE]"});
}

TEST_CASE("a call that takes too long says which option allows more") {
  const Failure failure = to_failure({4, "Deadline Exceeded", ""}, "unix:/x");
  CHECK(failure.code == ExitCode::kUnavailable);
  CHECK(failure.lines.front().find("--timeout") != std::string::npos);
}

TEST_CASE("a call to nobody ends at once as unavailable") {
  GlobalOptions options;
  options.server = "/nonexistent/simplon.sock";
  std::ostringstream out, err;
  Session session(options, out, err);
  const auto call = [&] {
    session.client().call<v1::Tunnel>("TunnelService.GetTunnel", v1::GetTunnelRequest());
  };
  CHECK(error_of(call).starts_with(
      "cannot reach simplon-control at unix:/nonexistent/simplon.sock: No such file"));
}

TEST_CASE("a method that no service has, or with other messages, is a fault of the program") {
  GlobalOptions options;
  std::ostringstream out, err;
  Session session(options, out, err);
  v1::Tunnel tunnel;
  CHECK_THROWS_AS(session.client().call("TunnelService.Grow", tunnel, tunnel), std::logic_error);
  CHECK_THROWS_AS(session.client().call("TunnelService.GetTunnel", tunnel, tunnel),
                  std::logic_error);
}

TEST_CASE("a file is read whole, and refused when it is larger than the limit") {
  const TemporaryFolder folder;
  const std::string path = folder.file("config");
  std::ofstream(path) << std::string(1000, 'x');
  CHECK(read_file(path) == std::string(1000, 'x'));
  CHECK(read_file(path, 1000).size() == 1000);
  CHECK(error_of([&] { read_file(path, 999); }).find("is larger than") != std::string::npos);
  std::remove(path.c_str());
}

TEST_CASE("what is not a readable file is refused by its name") {
  CHECK(error_of([] { read_file("/nonexistent"); }) ==
        "/nonexistent: cannot open: No such file or directory");
  CHECK(error_of([] { read_file("/tmp"); }) == "/tmp: is not a regular file");
  CHECK(error_of([] { read_file("/dev/zero"); }) == "/dev/zero: is not a regular file");
}

TEST_CASE("a file is replaced as a whole, and nothing is left behind when that fails") {
  const TemporaryFolder folder;
  const std::string path = folder.file("out");
  write_file(path, "one");
  write_file(path, "two");
  CHECK(read_file(path) == "two");
  std::remove(path.c_str());
  CHECK(error_of([&] {
          write_file(folder.file("no/such/folder"), "x");
        }).find("cannot write: No such file") != std::string::npos);
}  // the folder's destructor checks that it is empty

}  // namespace simplon::cli
