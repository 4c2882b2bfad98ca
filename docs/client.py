from gradio_client import Client, handle_file

app = Client("http://127.0.0.1:7860", verbose=False)
picture = handle_file("assets/examples/two-dogs.png")

found = app.predict(picture, "how many dogs are there?", api_name="/answer")
print(found["answer"], found["probability"], found["runners_up"])

for so_far in app.submit("describe the picture in detail.", [picture], api_name="/chat"):  # it streams
    print(so_far["text"])

found, overlay = app.predict(picture, "dog, cat", threshold=0.5, api_name="/segment")
print([(mask["phrase"], mask["box"]) for mask in found["masks"]], overlay)
