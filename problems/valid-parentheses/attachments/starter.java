import java.io.*;

public class Main {
    static boolean isValid(String brackets) {
        return true;
    }

    public static void main(String[] args) throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        StringBuilder out = new StringBuilder();
        for (int k = Integer.parseInt(in.readLine()); k > 0; k--)
            out.append(isValid(in.readLine()) ? "yes\n" : "no\n");
        System.out.print(out);
    }
}
