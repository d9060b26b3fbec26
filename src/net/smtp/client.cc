#include "net/smtp/client.h"

#include <algorithm>
#include <array>

#include "net/smtp/session.h"

namespace dunlin::net::smtp {
namespace {

constexpr std::array kOutcomes = std::to_array<std::string_view>({"sent", "refused", "later", "failed"});
enum class Outcome : std::uint8_t { sent, refused, later, failed };

Outcome outcome_of(const Result<Receipt>& result) {
  if (result) return Outcome::sent;
  switch (result.error().code) {
    case Errc::invalid_argument:
    case Errc::limit_exceeded:
    case Errc::permission_denied:
      return Outcome::refused;
    case Errc::unavailable:
    case Errc::timed_out:
      return Outcome::later;
    default:
      return Outcome::failed;
  }
}

/// A domain, or an address in brackets (RFC 5321 section 4.1.3).
bool is_own_name(std::string_view name) {
  return !name.empty() && name.size() <= 255 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-.:[]").contains(c);
  });
}

}  // namespace

struct SmtpClient::Impl {
  struct Job {
    std::uint64_t id = 0;
    Envelope envelope;
    SentHandler done;
    TimerId timer;
    std::unique_ptr<Session> session;  // null: it waits
  };

  Impl(Network& its_network, Executor& its_executor, metrics::Registry& registry, ClientOptions its_options)
      : network(its_network),
        executor(its_executor),
        options(std::move(its_options)),
        net_metrics(registry),
        handshakes(net_metrics),
        under_way(registry.gauge("dunlin_outgoing_mail_under_way", "Mails that are under way to a server.")),
        waiting(registry.gauge("dunlin_outgoing_mail_waiting", "Mails that wait for their turn.")) {
    for (std::size_t i = 0; i < kOutcomes.size(); ++i)
      outcomes[i] = &registry.counter("dunlin_outgoing_mail_total", "Mails to a server, by how they ended.",
                                      {{"result", std::string(kOutcomes[i])}});
    self = std::make_shared<Impl*>(this);
  }
  ~Impl() {
    for (auto& [id, job] : jobs) executor.cancel(job.timer);
  }

  /// Runs `step` from a later turn if the client still lives.
  template <class Step>
  void post(Step step) {
    executor.post([weak = std::weak_ptr(self), step = std::move(step)]() mutable {
      if (const auto living = weak.lock()) step(**living);
    });
  }

  void begin_next() {
    while (!queue.empty() && running < options.max_under_way) {
      const std::uint64_t id = queue.front();
      queue.pop_front();
      begin(jobs.at(id));
    }
    show();
  }
  void begin(Job& job) {
    ++running;
    job.session = std::make_unique<Session>(
        executor, handshakes, options, std::move(job.envelope),
        [this, id = job.id](Result<Receipt> result) { ended(id, std::move(result)); });
    ConnectOptions connect{.endpoint = options.server,
                           .tls = options.security == Security::tls ? options.tls : nullptr,
                           .server_name = options.server.host,
                           .application_protocols = {},
                           .deadline = options.deadline,
                           .guard = options.guard};
    network.connect(
        executor, std::move(connect),
        [weak = std::weak_ptr(self), id = job.id](Result<std::unique_ptr<Connection>> connection) mutable {
          const auto living = weak.lock();
          if (!living) return;
          const auto found = (*living)->jobs.find(id);
          if (found != (*living)->jobs.end() && found->second.session)
            found->second.session->connected(std::move(connection));
        });
  }

  void passed_deadline(std::uint64_t id) {
    Job& job = jobs.at(id);
    job.timer = {};
    Error error{Errc::timed_out, "the mail was not taken within its deadline"};
    if (job.session) return job.session->give_up(std::move(error));
    std::erase(queue, id);
    ended(id, std::unexpected(std::move(error)));
  }

  /// Not at once: the session and its connection are on the stack.
  void ended(std::uint64_t id, Result<Receipt> result) {
    outcomes[static_cast<std::size_t>(outcome_of(result))]->add();
    post([id, result = std::move(result)](Impl& impl) mutable {
      auto job = impl.jobs.extract(id);
      impl.executor.cancel(job.mapped().timer);
      if (job.mapped().session) --impl.running;
      job.mapped().session.reset();
      impl.begin_next();
      job.mapped().done(std::move(result));  // may destroy the client
    });
  }

  void refuse(Error error, SentHandler done) {
    outcomes[static_cast<std::size_t>(Outcome::refused)]->add();
    post([error = std::move(error), done = std::move(done)](Impl&) mutable {
      done(std::unexpected(std::move(error)));
    });
  }

  void show() const {
    under_way.set(static_cast<std::int64_t>(running));
    waiting.set(static_cast<std::int64_t>(queue.size()));
  }

  Network& network;
  Executor& executor;
  const ClientOptions options;
  NetMetrics net_metrics;
  TlsHandshakes handshakes;
  metrics::Cell& under_way;
  metrics::Cell& waiting;
  std::array<metrics::Cell*, kOutcomes.size()> outcomes{};
  std::unordered_map<std::uint64_t, Job> jobs;
  std::deque<std::uint64_t> queue;
  std::size_t running = 0;
  std::uint64_t next_id = 1;
  // Posted tasks hold it weakly to learn whether the client still lives, hence shared.
  std::shared_ptr<Impl*> self;
};

Result<std::unique_ptr<SmtpClient>> SmtpClient::make(Network& network, Executor& executor,
                                                     metrics::Registry& registry, ClientOptions options) {
  if (options.security == Security::none && !options.user.empty())
    return fail(Errc::invalid_argument, "user and password are not sent to a mail server without TLS");
  if (options.security != Security::none && options.tls == nullptr)
    return fail(Errc::invalid_argument, "a mail server with TLS needs certificates of authorities");
  if (!is_own_name(options.own_name))
    return fail(Errc::invalid_argument,
                "the own name for a mail server is a domain or an address in brackets");
  return std::make_unique<SmtpClient>(
      std::make_unique<Impl>(network, executor, registry, std::move(options)));
}

SmtpClient::SmtpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SmtpClient::~SmtpClient() {
  impl_->self.reset();
}

void SmtpClient::send(const Mail& mail, SentHandler done) {
  auto text = compose(mail);
  if (!text) return impl_->refuse(std::move(text).error(), std::move(done));
  if (impl_->queue.size() >= impl_->options.max_waiting)
    return impl_->refuse({Errc::limit_exceeded, std::to_string(impl_->queue.size()) + " mails wait already"},
                         std::move(done));
  const std::uint64_t id = impl_->next_id++;
  Impl::Job job;
  job.id = id;
  job.envelope = {mail.from, mail.to, *std::move(text)};
  job.done = std::move(done);
  job.timer = impl_->executor.schedule(impl_->options.deadline,
                                       [impl = impl_.get(), id] { impl->passed_deadline(id); });
  impl_->jobs.emplace(id, std::move(job));
  impl_->queue.push_back(id);
  impl_->begin_next();
}

std::size_t SmtpClient::under_way() const {
  return impl_->running;
}
std::size_t SmtpClient::waiting() const {
  return impl_->queue.size();
}

}  // namespace dunlin::net::smtp
