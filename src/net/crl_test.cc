// Revocation lists with an authority, certificates and lists that the openssl program has made.

#include "net/crl.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/log.h"
#include "net/test_support.h"
#include "net/tls_context.h"

namespace dunlin::net {
namespace {

using test::Loop;
using test::Recorder;

class Crl : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string pattern = (std::filesystem::temp_directory_path() / "dunlin-crl-XXXXXX").string();
    std::string name = pattern;
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder = name;
    write("ca.cnf",
          "[ca]\ndefault_ca=d\n[d]\ndir=" + folder.string() +
              "\ndatabase=$dir/index.txt\nserial=$dir/serial\ncrlnumber=$dir/crlnumber\nnew_certs_dir=$dir\n"
              "certificate=$dir/ca.pem\nprivate_key=$dir/ca.key\ndefault_md=sha256\ndefault_days=365\n"
              "default_crl_days=30\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n"
              "[req]\ndistinguished_name=n\nprompt=no\n[n]\nCN=x\n"
              "[v3_ca]\nbasicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign\n"
              "subjectKeyIdentifier=hash\n");
    write("index.txt", "");
    write("serial", "1000\n");
    write("crlnumber", "1000\n");
    run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=Authority -days 30 "
        "-keyout ca.key -out ca.pem -config ca.cnf -extensions v3_ca");
    for (const char* device : {"server", "honest", "stolen"}) {
      const std::string one = device;
      run("req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=" + one + " -keyout " + one +
          ".key -out " + one + ".csr -config ca.cnf");
      run("ca -batch -config ca.cnf -in " + one + ".csr -out " + one + ".pem -notext");
    }
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  void run(const std::string& arguments) {
    const std::string command = "cd '" + folder.string() + "' && openssl " + arguments + " >>log 2>&1";
    ASSERT_EQ(std::system(command.c_str()), 0) << arguments << "\n" << read("log");
  }
  void write(const std::string& name, const std::string& text) { std::ofstream(folder / name) << text; }
  std::string read(const std::string& name) {
    std::ostringstream text;
    text << std::ifstream(folder / name, std::ios::binary).rdbuf();
    return text.str();
  }
  std::string list(const std::string& more = "") {
    run("ca -gencrl -config ca.cnf -out list.pem " + more);
    return read("list.pem");
  }
  TlsServerOptions server_options() {
    TlsServerOptions options;
    options.certificate_chain_pem = read("server.pem");
    options.private_key_pem = read("server.key");
    options.client_ca_pem = read("ca.pem");
    options.client_certificate = ClientCertificate::requested;
    return options;
  }
  /// Whether a client with that certificate gets through to `listener`'s handler.
  bool enters(Loop& loop, Listener& listener, Recorder& server, const std::string& who) {
    TlsClientOptions client_options;
    client_options.trusted_ca_pem = read("ca.pem");
    client_options.certificate_chain_pem = read(who + ".pem");
    client_options.private_key_pem = read(who + ".key");
    ConnectOptions connect = test::to(listener.local());
    connect.tls = *make_tls_client_context(client_options);
    connect.server_name = "server";
    const double before = loop.registry.value("dunlin_net_tls_handshake_failures_total");
    Recorder client;
    loop.network.connect(loop.reactor, connect, [&client](Result<std::unique_ptr<Connection>> result) {
      if (result) client.take(*std::move(result));
    });
    const auto failed = [&] {
      return loop.registry.value("dunlin_net_tls_handshake_failures_total") > before;
    };
    server.connection.reset();
    EXPECT_TRUE(loop.run_until([&] { return server.connection != nullptr || failed(); }));
    const bool entered = server.connection != nullptr;
    server.connection.reset();
    return entered;
  }
  std::vector<bool> enter(std::vector<std::string> lists, StaleCrl stale, std::vector<std::string> names) {
    Loop loop;
    Recorder server;
    ListenOptions listen = test::on_loopback();
    auto context = make_tls_server_context(server_options(), {std::move(lists), stale});
    EXPECT_TRUE(context) << context.error().message;
    listen.tls = *context;
    const auto listener = *loop.network.listen(
        loop.reactor, listen, [&](std::unique_ptr<Connection> c) { server.connection = std::move(c); });
    std::vector<bool> all;
    for (const std::string& name : names) all.push_back(enters(loop, *listener, server, name));
    return all;
  }

  std::filesystem::path folder;
};

TEST_F(Crl, ARevokedCertificateIsRefusedAndAnHonestOneTaken) {
  EXPECT_EQ(enter({}, StaleCrl::refuse, {"honest", "stolen"}), (std::vector{true, true}));
  run("ca -config ca.cnf -revoke stolen.pem");
  EXPECT_EQ(enter({list()}, StaleCrl::refuse, {"honest", "stolen"}), (std::vector{true, false}));
  run("crl -in list.pem -outform DER -out list.der");
  EXPECT_EQ(enter({read("list.der")}, StaleCrl::refuse, {"honest", "stolen"}), (std::vector{true, false}));
}

TEST_F(Crl, AListThatIsTooOldIsAMatterOfPolicy) {
  run("ca -config ca.cnf -revoke stolen.pem");
  const std::string old = list("-crl_lastupdate 20200101000000Z -crl_nextupdate 20200201000000Z");
  EXPECT_EQ(enter({old}, StaleCrl::refuse, {"honest", "stolen"}), (std::vector{false, false}));
  EXPECT_EQ(enter({old}, StaleCrl::accept, {"honest", "stolen"}), (std::vector{true, false}));
}

TEST_F(Crl, AListOfAnotherAuthorityChangesNothing) {
  const std::string ours = list();
  std::filesystem::rename(folder / "ca.pem", folder / "first.pem");
  std::filesystem::rename(folder / "ca.key", folder / "first.key");
  run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=Other -days 30 "
      "-keyout ca.key -out ca.pem -config ca.cnf -extensions v3_ca");
  const std::string other = list();
  // One that claims our authority's name but is not signed by it must not open anything, nor be believed.
  run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=Authority -days 30 "
      "-keyout ca.key -out ca.pem -config ca.cnf -extensions v3_ca");
  const std::string forged = list();
  std::filesystem::rename(folder / "first.pem", folder / "ca.pem");
  std::filesystem::rename(folder / "first.key", folder / "ca.key");
  EXPECT_EQ(enter({other}, StaleCrl::refuse, {"honest"}), (std::vector{true}));
  EXPECT_EQ(enter({forged}, StaleCrl::accept, {"honest"}), (std::vector{false}));
  EXPECT_EQ(enter({ours, other}, StaleCrl::refuse, {"honest"}), (std::vector{true}));
}

TEST_F(Crl, IsReplacedWithoutANewListener) {
  Loop loop;
  Recorder server;
  ListenOptions listen = test::on_loopback();
  listen.tls = *make_tls_server_context(server_options(), {{list()}, StaleCrl::refuse});
  const auto listener = *loop.network.listen(
      loop.reactor, listen, [&](std::unique_ptr<Connection> c) { server.connection = std::move(c); });
  EXPECT_TRUE(enters(loop, *listener, server, "stolen"));
  run("ca -config ca.cnf -revoke stolen.pem");
  listener->replace_tls(*make_tls_server_context(server_options(), {{list()}, StaleCrl::refuse}));
  EXPECT_FALSE(enters(loop, *listener, server, "stolen"));
  EXPECT_TRUE(enters(loop, *listener, server, "honest"));
}

TEST_F(Crl, ACertificateThatDoesNotPassCanCountAsNone) {
  run("ca -config ca.cnf -revoke stolen.pem");
  run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=stranger -days 30 "
      "-keyout stranger.key -out stranger.pem -config ca.cnf");
  Loop loop;
  Recorder server;
  std::vector<std::uint8_t> shown;
  ListenOptions listen = test::on_loopback();
  listen.tls =
      *make_tls_server_context(server_options(), {{list()}, StaleCrl::refuse}, UnverifiedClient::as_without);
  const auto listener =
      *loop.network.listen(loop.reactor, listen, [&](std::unique_ptr<Connection> connection) {
        shown = connection->peer().certificate_der;
        server.connection = std::move(connection);
      });
  for (int round = 0; round < 2; ++round) {  // the second may resume the first's session
    EXPECT_TRUE(enters(loop, *listener, server, "honest"));
    EXPECT_FALSE(shown.empty());
    EXPECT_TRUE(enters(loop, *listener, server, "stolen"));
    EXPECT_TRUE(shown.empty()) << "revoked";
    EXPECT_TRUE(enters(loop, *listener, server, "stranger"));
    EXPECT_TRUE(shown.empty()) << "of nobody";
  }
}

TEST_F(Crl, TellsWhatIsInAFile) {
  run("ca -config ca.cnf -revoke stolen.pem");
  const std::string pem = list("-crl_lastupdate 20250101000000Z -crl_nextupdate 20250201000000Z");
  const auto infos = read_crls(pem + pem);
  ASSERT_TRUE(infos);
  ASSERT_EQ(infos->size(), 2U);
  EXPECT_EQ(infos->front().issuer, "CN=Authority");
  EXPECT_EQ(infos->front().revoked, 1U);
  EXPECT_EQ(unix_milliseconds(infos->front().next_update), 1738368000000);
  for (const std::string& bad : {std::string(), std::string("nonsense"), read("ca.pem"),
                                 pem + "-----BEGIN X509 CRL", pem.substr(0, pem.size() / 2)})
    EXPECT_FALSE(read_crls(bad)) << bad;
  EXPECT_EQ(make_tls_server_context(server_options(), {{"nonsense"}, StaleCrl::refuse}).error().code,
            Errc::malformed);
}

}  // namespace
}  // namespace dunlin::net
