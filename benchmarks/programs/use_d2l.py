"""Train three models of the d2l library for a moment: a regression, LeNet and an RNN."""

import torch
from d2l import torch as d2l


def fit(name, model, data, epochs, **options):
    """Fit one model as the book does, and print its last losses."""
    trainer = d2l.Trainer(max_epochs=epochs, **options)
    trainer.fit(model, data)
    batch = next(iter(data.val_dataloader()))
    with torch.no_grad():
        print(name, "loss", float(model.loss(model(*batch[:-1]), batch[-1])))


data = d2l.SyntheticRegressionData(w=torch.tensor([2, -3.4]), b=4.2)
fit("regression", d2l.LinearRegression(lr=0.03), data, 2)

images = d2l.FashionMNIST(batch_size=128)
images.num_workers = 0
lenet = d2l.LeNet(lr=0.1)
lenet.apply_init([next(iter(images.get_dataloader(True)))[0]], d2l.init_cnn)
fit("LeNet", lenet, images, 1)

X = torch.randn(2, 7, 16)
attention = d2l.MultiHeadAttention(16, 4, 0.0)
encoder = d2l.TransformerEncoderBlock(16, 24, 4, 0.0)
attention(X, X, X, torch.tensor([3, 2]))
loss = encoder(X, torch.tensor([3, 2])).pow(2).mean()
loss.backward()
print("Transformer block loss", float(loss))
