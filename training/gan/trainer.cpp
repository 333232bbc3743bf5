#include "training/gan/trainer.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <chrono>
#include <cmath>
#include <exception>
#include <mutex>
#include <thread>

#include "base/error.h"

namespace vernissage::training {
namespace {

constexpr double kPathDecay = 0.01;      // of the moving mean
constexpr int64_t kPathShrink = 2;       // path lengths are measured on half a batch
constexpr int64_t kMeanSamples = 16384;  // mapped latents behind w_avg
constexpr uint64_t kMeanSeed = 1;

enum Sum { kGeneratorLoss, kDiscriminatorLoss, kLogitReal, kLogitPainted, kR1, kPathLength, kSums };

at::Generator default_generator(at::Device device) {
  return at::globalContext().defaultGenerator(device);
}

at::Tensor random_state(at::Device device) {
  at::Generator generator = default_generator(device);
  const std::lock_guard lock(generator.mutex());
  return generator.get_state().clone();
}

void set_random_state(at::Device device, const at::Tensor& state) {
  at::Generator generator = default_generator(device);
  const std::lock_guard lock(generator.mutex());
  generator.set_state(state);
}

void seed_random(at::Device device, uint64_t seed) {
  at::Generator generator = default_generator(device);
  const std::lock_guard lock(generator.mutex());
  generator.set_current_seed(seed);
}

const TrainerOptions& checked(const TrainerOptions& options) {
  const auto expect = [](bool good, const std::string& what) {
    if (!good) throw Error("training: " + what);
  };
  const auto text = [](auto value) { return std::to_string(value); };
  expect(options.batch >= 1, "batch: expected at least 1, got " + text(options.batch));
  expect(options.shards >= 1 && options.batch % options.shards == 0,
         "batch: expected a multiple of the " + text(options.shards) + " threads, got " +
             text(options.batch));
  const int part = options.batch / std::max(options.shards, 1);
  expect(part <= options.discriminator.group_max || part % options.discriminator.group_max == 0,
         "batch a thread: expected a multiple of the group of " +
             text(options.discriminator.group_max) + ", got " + text(part));
  expect(options.r1_interval >= 1,
         "r1 interval: expected at least 1, got " + text(options.r1_interval));
  expect(options.path_interval >= 0,
         "path interval: expected at least 0, got " + text(options.path_interval));
  expect(options.augment.target >= 0 && options.augment.target < 1,
         "augmentation's target: expected 0 to below 1, got " + text(options.augment.target));
  expect(options.augment.interval >= 1 && options.augment.images > 0,
         "augmentation: expected an interval of at least one step and more than 0 images, got " +
             text(options.augment.interval) + " and " + text(options.augment.images));
  expect(options.network.c_dim == 0,
         "the network's c_dim: expected 0, got " + text(options.network.c_dim));
  expect(options.network.resolution == options.discriminator.resolution &&
             options.network.widths.size() == options.discriminator.widths.size(),
         "generator and discriminator: expected the same resolution, got " +
             text(options.network.resolution) + " and " + text(options.discriminator.resolution));
  return options;
}

// Adds the seconds of its scope.
class Timed {
 public:
  explicit Timed(double& sum) : sum_(sum) {}
  ~Timed() {
    sum_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  double& sum_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

template <class Make>
Parameters fresh(const TrainerOptions& options, uint64_t seed, const Make& make) {
  seed_random(at::kCPU, seed);
  return moved(make(), options.device);
}

void put(std::map<std::string, at::Tensor>& state, const std::string& prefix,
         const Parameters& parameters) {
  for (const auto& [name, tensor] : parameters)
    state.emplace(prefix + name, tensor.detach().cpu().clone());
}

const at::Tensor& find(const std::map<std::string, at::Tensor>& state, const std::string& name) {
  const auto found = state.find(name);
  if (found == state.end()) throw Error(name + ": missing in the state of the training");
  return found->second;
}

void get(const std::map<std::string, at::Tensor>& state, const std::string& prefix,
         const Parameters& parameters) {
  for (const auto& [name, tensor] : parameters) {
    const at::Tensor& stored = find(state, prefix + name);
    if (stored.sizes() != tensor.sizes())
      throw Error(prefix + name + ": expected shape " + shape_text(tensor.sizes().vec()) +
                  ", got " + shape_text(stored.sizes().vec()));
    tensor.detach().copy_(stored);
  }
}

}  // namespace

Trainer::Trainer(const TrainerOptions& options)
    : options_(checked(options)),
      generator_(fresh(options, options.seed, [&] { return initial_generator(options.network); })),
      average_(copied(generator_)),
      discriminator_(fresh(options, options.seed + 1,
                           [&] { return initial_discriminator(options.discriminator); })),
      generator_adam_(generator_, options.rate, options.path_interval),
      discriminator_adam_(discriminator_, options.rate, options.r1_interval),
      path_mean_(at::zeros({}, at::TensorOptions(options.device))),
      augment_(options.augment),
      sums_(at::zeros({kSums, 2}, at::TensorOptions(options.device).dtype(at::kDouble))) {
  require_gradients(generator_);
  require_gradients(discriminator_);
  seed_random(options_.device, options_.seed + 2);
}

reference::TorchGenerator Trainer::generator(const Parameters& parameters) const {
  return {options_.network, [&](const std::string& name) { return parameters.at(name); },
          options_.dtype};
}

template <class Loss>
Trainer::Gradients Trainer::gradients(int64_t n, const Parameters& parameters,
                                      const Loss& loss) const {
  const auto inputs = trained(parameters);
  const int64_t shards = options_.shards, part = n / shards;
  std::vector<Gradients> parts(static_cast<size_t>(shards));
  std::vector<std::exception_ptr> failures(static_cast<size_t>(shards));
  const auto run = [&](int64_t shard) {
    try {
      parts[size_t(shard)] = torch::autograd::grad({loss(shard * part, (shard + 1) * part)}, inputs,
                                                   {}, /*retain_graph=*/false,
                                                   /*create_graph=*/false, /*allow_unused=*/true);
    } catch (...) {
      failures[size_t(shard)] = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int64_t shard = 1; shard < shards; ++shard)
      threads.emplace_back([&, shard] {
        at::set_num_threads(1);
        run(shard);
      });
    run(0);
  }
  for (const auto& failure : failures)
    if (failure) std::rethrow_exception(failure);

  Gradients result = std::move(parts[0]);
  for (size_t i = 0; i < result.size(); ++i) {
    for (size_t shard = 1; shard < parts.size(); ++shard)
      if (result[i].defined()) result[i] = result[i] + parts[shard][i];
    // A regulariser need not depend on every parameter, such as the last bias.
    result[i] = result[i].defined() ? result[i] / double(shards) : at::zeros_like(inputs[i]);
  }
  return result;
}

void Trainer::step(const at::Tensor& real) {
  VERNISSAGE_ASSERT(real.size(0) == int64_t(options_.batch));
  const auto images =
      real.to(options_.device).permute({0, 3, 1, 2}).to(at::kFloat).sub_(127.5).div_(127.5);
  const Timed whole(times_.step_s);
  {
    const Timed timed(times_.discriminator_s);
    train_discriminator(images);
  }
  if (steps_ % options_.r1_interval == 0) {
    const Timed timed(times_.penalty_s);
    penalize_gradients(images);
  }
  {
    const Timed timed(times_.generator_s);
    train_generator();
  }
  if (options_.path_interval > 0 && steps_ % options_.path_interval == 0) {
    const Timed timed(times_.path_s);
    regularize_paths();
  }
  ++steps_;
  ++timed_steps_;
  images_ += options_.batch;
  average();
}

Augmentation Trainer::draw_transforms() {
  if (!augment_.is_on() || augment_.p() <= 0) return {};
  return draw_augmentation(options_.batch, options_.network.resolution, augment_.p(),
                           options_.device);
}

at::Tensor Trainer::transformed(const at::Tensor& images, const Augmentation& of, int64_t begin,
                                int64_t end) const {
  return of.geometry.defined() ? augmented(images, of.slice(begin, end)) : images;
}

void Trainer::train_discriminator(const at::Tensor& images) {
  const auto latents =
      draw_latents(options_.network, options_.batch, options_.mixing, options_.device);
  const Augmentation of_fakes = draw_transforms(), of_reals = draw_transforms();
  double signs = 0;
  std::mutex mutex;
  const auto found = gradients(options_.batch, discriminator_, [&](int64_t begin, int64_t end) {
    at::Tensor painted;
    {
      const at::NoGradGuard no_gradients;
      const auto painter = generator(generator_);
      const auto part = latents.slice(begin, end);
      painted =
          transformed(painter.synthesize(mixed_ws(options_.network, painter, part), part.noise),
                      of_fakes, begin, end);
    }
    const auto real = transformed(images.slice(0, begin, end), of_reals, begin, end);
    const auto& config = options_.discriminator;
    const auto of_painted = discriminate(config, discriminator_, painted, options_.dtype);
    const auto of_real = discriminate(config, discriminator_, real, options_.dtype);
    const auto loss = discriminator_loss(of_painted, of_real);
    const std::lock_guard lock(mutex);
    tally(kDiscriminatorLoss, loss);
    tally(kLogitPainted, of_painted.mean());
    tally(kLogitReal, of_real.mean());
    if (augment_.is_on()) signs += of_real.detach().sign().sum().item<double>();
    return loss;
  });
  if (augment_.is_on()) augment_.add(signs, options_.batch);
  discriminator_adam_.step(discriminator_, found);
}

// At the pictures as the discriminator sees them: of its own input, not of what lies before the
// transforms.
void Trainer::penalize_gradients(const at::Tensor& images) {
  const auto seen = transformed(images, draw_transforms(), 0, options_.batch);
  std::mutex mutex;
  const auto found = gradients(options_.batch, discriminator_, [&](int64_t begin, int64_t end) {
    const auto penalty =
        gradient_penalty(options_.discriminator, discriminator_, seen.slice(0, begin, end),
                         options_.r1_gamma, options_.dtype);
    const std::lock_guard lock(mutex);
    tally(kR1, penalty * (2 / options_.r1_gamma));
    return penalty * double(options_.r1_interval);
  });
  discriminator_adam_.step(discriminator_, found);
}

void Trainer::train_generator() {
  const auto latents =
      draw_latents(options_.network, options_.batch, options_.mixing, options_.device);
  const auto judge = detached(discriminator_);
  const Augmentation transforms = draw_transforms();
  std::mutex mutex;
  const auto found = gradients(options_.batch, generator_, [&](int64_t begin, int64_t end) {
    const auto painter = generator(generator_);
    const auto part = latents.slice(begin, end);
    const auto painted =
        transformed(painter.synthesize(mixed_ws(options_.network, painter, part), part.noise),
                    transforms, begin, end);
    const auto loss =
        generator_loss(discriminate(options_.discriminator, judge, painted, options_.dtype));
    const std::lock_guard lock(mutex);
    tally(kGeneratorLoss, loss);
    return loss;
  });
  generator_adam_.step(generator_, found);
}

void Trainer::regularize_paths() {
  // As many whole shards as half a batch has, at least one sample each.
  const int64_t n =
      std::max<int64_t>(options_.batch / kPathShrink / options_.shards, 1) * options_.shards;
  const auto latents = draw_latents(options_.network, n, options_.mixing, options_.device);
  const int64_t side = options_.network.resolution;
  const auto direction =
      at::randn({n, options_.network.image_channels, side, side}, latents.z.options()) /
      double(side);
  const auto mean = path_mean_.clone();
  std::mutex mutex;
  const auto all_lengths = at::empty({n}, mean.options());
  const auto found = gradients(n, generator_, [&](int64_t begin, int64_t end) {
    const auto painter = generator(generator_);
    const auto part = latents.slice(begin, end);
    const auto lengths = path_lengths(painter, mixed_ws(options_.network, painter, part),
                                      part.noise, direction.slice(0, begin, end));
    const auto penalty = (lengths - mean).square().mean();
    all_lengths.slice(0, begin, end).copy_(lengths.detach());
    const std::lock_guard lock(mutex);
    tally(kPathLength, lengths.mean());
    return penalty * (options_.path_weight * options_.path_interval);
  });
  path_mean_.lerp_(all_lengths.mean(), kPathDecay);
  generator_adam_.step(generator_, found);
}

void Trainer::average() {
  const at::NoGradGuard no_gradients;
  const double half_life =
      std::min(options_.average_images, double(images_) * options_.average_share);
  const double keep = std::pow(0.5, options_.batch / half_life);
  for (auto& [name, tensor] : average_)
    if (is_trained(name)) tensor.lerp_(generator_.at(name).detach(), 1 - keep);
}

void Trainer::tally(int number, const at::Tensor& value) {
  const at::NoGradGuard no_gradients;
  sums_.select(0, number).select(0, 0).add_(value.detach());
  sums_.select(0, number).select(0, 1).add_(1);
}

TrainingReport Trainer::take_report() {
  const auto host = sums_.cpu().clone();
  sums_.zero_();
  const auto mean = [&](int number) {
    const double* row = host.data_ptr<double>() + 2 * number;
    if (!std::isfinite(row[0])) throw Error("training has diverged: a loss is not finite");
    return row[1] > 0 ? row[0] / row[1] : 0;
  };
  TrainingReport report = times_;
  for (double* seconds : {&report.step_s, &report.discriminator_s, &report.penalty_s,
                          &report.generator_s, &report.path_s})
    *seconds /= double(std::max<int64_t>(timed_steps_, 1));
  times_ = {};
  timed_steps_ = 0;
  report.generator_loss = mean(kGeneratorLoss);
  report.discriminator_loss = mean(kDiscriminatorLoss);
  report.logit_real = mean(kLogitReal);
  report.logit_painted = mean(kLogitPainted);
  report.r1 = mean(kR1);
  report.path_length = mean(kPathLength);
  report.augment_p = augment_.p();
  report.sureness = augment_.sureness();
  return report;
}

Network Trainer::network() const {
  const at::NoGradGuard no_gradients;
  const auto before = random_state(at::kCPU);
  seed_random(at::kCPU, kMeanSeed);
  const auto z = at::randn({kMeanSamples, options_.network.z_dim}).to(options_.device);
  set_random_state(at::kCPU, before);
  Parameters parameters = copied(average_);
  parameters.at("mapping.w_avg").copy_(generator(average_).map(z).mean({0}));
  return to_network(options_.network, parameters);
}

std::map<std::string, at::Tensor> Trainer::state() const {
  std::map<std::string, at::Tensor> state;
  put(state, "generator.", generator_);
  put(state, "average.", average_);
  put(state, "discriminator.", discriminator_);
  put(state, "generator_squares.", generator_adam_.squares);
  put(state, "discriminator_squares.", discriminator_adam_.squares);
  state["path_mean"] = path_mean_.cpu();
  state["augment"] = augment_.state();
  state["random"] = random_state(options_.device);
  state["counts"] =
      at::tensor({images_, steps_, generator_adam_.steps, discriminator_adam_.steps}, at::kLong);
  return state;
}

void Trainer::restore(const std::map<std::string, at::Tensor>& state) {
  const at::NoGradGuard no_gradients;
  get(state, "generator.", generator_);
  get(state, "average.", average_);
  get(state, "discriminator.", discriminator_);
  get(state, "generator_squares.", generator_adam_.squares);
  get(state, "discriminator_squares.", discriminator_adam_.squares);
  path_mean_.copy_(find(state, "path_mean"));
  if (state.contains("augment"))
    augment_.restore(state.at("augment"));
  else
    augment_ = AugmentControl(options_.augment);
  set_random_state(options_.device, find(state, "random"));
  const at::Tensor& counts = find(state, "counts");
  if (counts.scalar_type() != at::kLong || counts.numel() != 4)
    throw Error("counts: expected four integers in the state of the training");
  const int64_t* values = counts.data_ptr<int64_t>();
  images_ = values[0];
  steps_ = values[1];
  generator_adam_.steps = values[2];
  discriminator_adam_.steps = values[3];
  sums_.zero_();
}

}  // namespace vernissage::training
