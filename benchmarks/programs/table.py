"""Which programs are run, with which arguments, and what was changed to make a run take seconds."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["PROGRAMS", "Program"]


@dataclass(frozen=True)
class Program:
    """One program of a public repository.

    `commands` are run one after the other in `folder`, each as words: the script and its
    arguments, or `-m` and a module. `settings` are texts of the script and what stands there
    instead, for programs that take no arguments. `data` names makers in `data.py`.
    `result` is the expression whose matches are the figures to compare.
    """

    name: str
    repository: str
    commands: tuple[str, ...]
    folder: str = "."
    result: str = r"loss\D{0,12}(\d+\.\d+)"
    settings: dict = field(default_factory=dict)
    data: tuple[str, ...] = ()
    note: str = ""


EXAMPLES, MAKEMORE, NLP = "pytorch/examples", "karpathy/makemore", "graykode/nlp-tutorial"
GAN = "eriklindernoren/PyTorch-GAN"
LAST_NUMBER = r"(-?\d+\.\d+(?:e-?\d+)?)"
COST = r"cost\s*=\s*(\d+\.\d+)"


def _two_layer(script):
    """A program of Justin Johnson's PyTorch examples, the first ones that many people met."""
    return Program(script, "jcjohnson/pytorch-examples", (f"{script}.py",),
                   result=r"\d+ (\d+\.\d+(?:e-?\d+)?)")


def _polynomial(script):
    """A program of the beginner tutorial "Learning PyTorch with examples"."""
    return Program(script, "pytorch/tutorials", (f"{script}.py",),
                   folder="beginner_source", result=LAST_NUMBER, note="comments left out")


def _makemore(kind):
    """Makemore's training loop with one of its models."""
    return Program(
        f"makemore, {kind}", MAKEMORE, (f"makemore.py --type {kind} --max-steps 501",),
        note="501 steps asked for instead of endless")


def _course(folder, script):
    """A program of the NLP tutorial: one small model on a few sentences."""
    return Program(f"{script} ({folder[:3]})", NLP, (f"'{script}.py'",), folder=folder,
                   result=COST)


def _tutorial(part, epochs, every):
    """A program of yunjey's PyTorch tutorial, with digits and fewer epochs than asked for."""
    said, fewer = epochs
    return Program(
        f"{part.partition('/')[2]} (tutorial)", "yunjey/pytorch-tutorial", ("main.py",),
        folder=f"tutorials/{part}", data=("tutorial_mnist",), note="digits",
        settings={f"num_epochs = {said}": f"num_epochs = {fewer}", f"% {every} ==": "% 3 =="})


def _lesson(script, **settings):
    """A lesson of MorvanZhou's PyTorch tutorial that trains on digits."""
    return Program(script, "MorvanZhou/PyTorch-Tutorial", (f"{script}.py",),
                   folder="tutorial-contents", result=LAST_NUMBER, data=("lesson_mnist",),
                   settings=settings, note="digits")


def _gan(kind):
    """One epoch of a network of PyTorch-GAN."""
    return Program(kind.upper(), GAN, (f"{kind}.py --n_epochs 1 --batch_size 128",),
                   folder=f"implementations/{kind}", data=("gan_mnist",),
                   result=r"loss: (-?\d+\.\d+)", note="digits; 1 epoch asked for")


PROGRAMS = (
    Program("mnist", EXAMPLES, ("main.py --epochs 3",), folder="mnist", data=("mnist",),
            note="digits in MNIST's file format; 3 epochs asked for"),
    Program("mnist_rnn", EXAMPLES, ("main.py --epochs 2",), folder="mnist_rnn",
            data=("mnist",), note="digits in MNIST's file format; 2 epochs asked for"),
    Program("vae", EXAMPLES, ("main.py --epochs 5",), folder="vae", data=("mnist",),
            note="digits in MNIST's file format; 5 epochs asked for"),
    Program("regression", EXAMPLES, ("main.py",), folder="regression"),
    Program("time_sequence_prediction", EXAMPLES, ("generate_sine_wave.py", "train.py --steps 2"),
            folder="time_sequence_prediction", result=r"loss: (\d+\.\d+(?:e-?\d+)?)",
            note="2 LBFGS steps asked for"),
    *(Program(f"word_language_model, {kind}", EXAMPLES,
              (f"main.py --model {kind} --data text --emsize 64 --nhid 64 --epochs 1 --dry-run",
               "generate.py --data text --words 100"),
              folder="word_language_model", data=("text",), result=r"(?:loss|ppl)\s+(\d+\.\d+)",
              note="another text; width 64, its dry run")
      for kind in ("LSTM", "GRU", "RNN_TANH", "Transformer")),
    Program("siamese_network", EXAMPLES, ("main.py --dry-run --epochs 1",),
            folder="siamese_network", data=("mnist",), note="digits; its dry run"),
    Program("mnist_forward_forward", EXAMPLES, ("main.py --epochs 2",), result=LAST_NUMBER,
            folder="mnist_forward_forward", data=("mnist",), note="digits; 2 epochs asked for"),
    Program("gcn", EXAMPLES, ("main.py --epochs 60",), folder="gcn", data=("cora",),
            note="a small graph in Cora's format, read from disk",
            settings={"requests.get(cora_url, stream=True)": "open('cora.tgz', 'rb')",
                      "tgz_file.raw": "tgz_file", "1000": "100", "1500": "150"}),
    Program("gat", EXAMPLES, ("main.py --epochs 40",), folder="gat", data=("cora",),
            note="a small graph in Cora's format",
            settings={"1200": "100", "1600": "150"}),
    Program("dcgan", EXAMPLES, ("main.py --dataset fake --dry-run --workers 0 --batchSize 8 "
                                "--ngf 16 --ndf 16 --manualSeed 3",), folder="dcgan",
            result=LAST_NUMBER, note="its fake images and dry run; width 16"),
    Program("imagenet", EXAMPLES, ("main.py --dummy --epochs 1 -b 8 -j 0 -p 1 --seed 3 "
                                   "--no-accel",), folder="imagenet",
            result=r"Loss (\d+\.\d+e[+-]\d+)", note="its dummy images, 16 of 64x64 pixels",
            settings={"1281167": "16", "50000": "8", "(3, 224, 224)": "(3, 64, 64)"}),
    Program("mnist_hogwild", EXAMPLES, ("main.py --epochs 1 --num-processes 1 --dry-run",),
            folder="mnist_hogwild", data=("mnist",), note="digits; its dry run, 1 process"),
    Program("micrograd's tests", "karpathy/micrograd", ("-m pytest -q -p no:cacheprovider test",),
            result=r"(\d+) passed"),
    *map(_makemore, ("bigram", "mlp", "rnn", "gru", "bow", "transformer")),
    Program("minGPT adder", "karpathy/minGPT",
            ("-m projects.adder.adder --trainer.max_iters=60 --trainer.num_workers=0",),
            note="60 steps asked for"),
    Program("nanoGPT, train and sample", "karpathy/nanoGPT",
            ("data/shakespeare_char/prepare.py",
             "train.py config/train_shakespeare_char.py --device=cpu --compile=False "
             "--eval_iters=5 --log_interval=1 --block_size=64 --batch_size=12 --n_layer=4 "
             "--n_head=4 --n_embd=128 --max_iters=40 --eval_interval=20 --lr_decay_iters=40 "
             "--dropout=0.0",
             "sample.py --out_dir=out-shakespeare-char --device=cpu --num_samples=1 "
             "--max_new_tokens=200"),
            data=("shakespeare",), note="its README's CPU settings, 40 steps"),
    Program("bigram.py (video lecture)", "karpathy/ng-video-lecture", ("bigram.py",)),
    Program("gpt.py (video lecture)", "karpathy/ng-video-lecture", ("gpt.py",),
            settings={"max_iters = 5000": "max_iters = 30", "eval_iters = 200": "eval_iters = 3",
                      "eval_interval = 500": "eval_interval = 10",
                      "batch_size = 64": "batch_size = 16",
                      "block_size = 256": "block_size = 64", "n_embd = 384": "n_embd = 96"}),
    *map(_two_layer, (
        "tensor/two_layer_net_tensor", "autograd/two_layer_net_autograd",
        "autograd/two_layer_net_custom_function", "nn/two_layer_net_nn",
        "nn/two_layer_net_module", "nn/two_layer_net_optim", "nn/dynamic_net")),
    *map(_polynomial, (
        "examples_nn/polynomial_nn", "examples_nn/polynomial_optim", "examples_nn/dynamic_net",
        "examples_autograd/polynomial_custom_function")),
    *(_course(folder, script) for folder, script in (
        ("1-1.NNLM", "NNLM"), ("1-2.Word2Vec", "Word2Vec-Skipgram(Softmax)"),
        ("2-1.TextCNN", "TextCNN"), ("3-1.TextRNN", "TextRNN"), ("3-2.TextLSTM", "TextLSTM"),
        ("4-1.Seq2Seq", "Seq2Seq"), ("4-2.Seq2Seq(Attention)", "Seq2Seq(Attention)"),
        ("4-3.Bi-LSTM(Attention)", "Bi-LSTM(Attention)"),
        ("5-1.Transformer", "Transformer(Greedy_decoder)"))),
    Program("BERT (5-2)", NLP, ("BERT.py",), folder="5-2.BERT", result=COST,
            settings={"range(100)": "range(20)"}),
    Program("Bi-LSTM (3-3)", NLP, ("Bi-LSTM.py",), folder="3-3.Bi-LSTM", result=COST,
            settings={"range(10000)": "range(100)", "% 1000 ==": "% 10 =="}),
    *(_tutorial(*words) for words in (
        ("01-basics/feedforward_neural_network", (5, 2), 100),
        ("02-intermediate/convolutional_neural_network", (5, 1), 100),
        ("02-intermediate/bidirectional_recurrent_neural_network", (2, 1), 100),
        ("03-advanced/variational_autoencoder", (15, 2), 10))),
    Program("language_model (tutorial)", "yunjey/pytorch-tutorial", ("main.py",),
            folder="tutorials/02-intermediate/language_model", data=("penn",),
            note="another text", settings={"num_epochs = 5": "num_epochs = 1", "1000": "100",
                                           "% 100 ": "% 1 "}),
    _lesson("401_CNN"), _lesson("402_RNN_classifier"),
    _lesson("404_autoencoder", **{"EPOCH = 10": "EPOCH = 2"}),
    Program("TCN, adding problem", "locuslab/TCN",
            ("add_test.py --cuda --epochs 1 --seq_len 30 --nhid 8 --levels 3 --log-interval 10",),
            folder="TCN/adding_problem", settings={"50000": "2000"},
            result=r"[Ll]oss:? (\d+\.\d+)", note="2,000 short sequences"),
    Program("TCN, permuted pixels", "locuslab/TCN",
            ("pmnist_test.py --cuda --epochs 1 --permute --nhid 5 --levels 2 --log-interval 4",),
            folder="TCN/mnist_pixel", data=("pixels",), note="digits; 2 levels of width 5"),
    Program("pytorch-cifar's networks", "kuangliu/pytorch-cifar", ("use_cifar_networks.py",),
            data=("networks",), note="a short program that differentiates 14 of them once"),
    *map(_gan, ("cgan", "wgan", "aae")),
    Program("micrograd lecture", "karpathy/nn-zero-to-hero",
            ("lectures/micrograd/micrograd_lecture_second_half_roughly.ipynb",),
            result=LAST_NUMBER, note="the notebook's cells as one program"),
    Program("WGAN-GP (double backward)", GAN,
            ("wgan_gp.py --n_epochs 2 --img_size 16 --n_cpu 0",),
            folder="implementations/wgan_gp", data=("gan_mnist",),
            result=r"loss: (-?\d+\.\d+)", note="digits; 2 epochs of 16x16 pixels"),
    Program("GAN", GAN, ("gan.py --n_epochs 3",),
            folder="implementations/gan", data=("gan_mnist",), result=r"loss: (-?\d+\.\d+)",
            note="digits; 3 epochs asked for"),
    Program("d2l's torch library", "d2l-ai/d2l-en", ("use_d2l.py",), data=("d2l",),
            note="a short program that trains its LeNet, RNN and Transformer parts"),
    *(Program(f"makemore lecture, {part}", "karpathy/nn-zero-to-hero",
              (f"lectures/makemore/makemore_{part}.ipynb",), data=("names",), settings=settings,
              result=LAST_NUMBER, note="the notebook's cells as one program")
      for part, settings in (
          ("part3_bn", {"max_steps = 200000": "max_steps = 1000"}),
          ("part4_backprop", {"max_steps = 200000": "max_steps = 300"}),
          ("part5_cnn1", {"max_steps = 200000": "max_steps = 1000"}))),
)
